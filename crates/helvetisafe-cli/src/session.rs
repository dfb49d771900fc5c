//! The work with the vault: connections, the time for them, the org key, the access token and reads.

mod administration;
mod budget;
mod connect;
mod episode;
mod events;
mod failures;
mod missing_scope;
pub(crate) mod name_index;
mod offline;
pub(crate) mod outage;
mod read;
mod reader;
pub(crate) mod recovery_kit;
mod suggest;
mod token;
mod trust;
mod vault;
mod watch_change;

pub(crate) use administration::{Administration, CHANGE, administrator};
pub(crate) use budget::{Budget, may_wait};
pub(crate) use connect::{
    Connector, builder, builder_at, builder_of_new_account, builder_without_account,
};
pub(crate) use events::log_events;
pub(crate) use failures::Failures;
pub(crate) use missing_scope::account_id;
pub(crate) use offline::{Offline, OfflineArgs};
pub(crate) use read::SecretRequest;
pub(crate) use reader::Reader;
pub(crate) use token::CachedToken;
pub(crate) use trust::{
    KnownOrganization, KnownVault, NumberedKey, Trust, ask_chain, remember_account,
};
pub(crate) use vault::Vault;
pub(crate) use watch_change::watch_change;
