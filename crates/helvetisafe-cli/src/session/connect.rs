//! The one place where clients are built.

use std::time::Duration;

use helvetisafe::organization::{AccountKeys, Anchor, WithoutAccount};
use helvetisafe::{
    BaseUrl, Client, ClientBuilder, Fingerprint, KeySource, OrgKeyRotation, Parts, Timeouts,
};

use super::events::log_events;
use super::token::CachedToken;
use super::trust::{self, Access, Trust};
use crate::failure::Failure;
use crate::settings::{Address, Binding, Settings};
use crate::ui::messages::Messages;

/// Connects clients, with the cached access token and the trusted org key alone.
#[derive(Clone, Copy)]
pub(crate) struct Connector<'a> {
    pub(crate) settings: &'a Settings,
    /// The access token that an earlier command cached, and where to cache another one.
    pub(crate) token: Option<&'a CachedToken>,
    /// The org key that an earlier connection of this command accepted.
    pub(crate) accepted_org_key: Option<Fingerprint>,
    pub(crate) messages: Messages,
}

impl Connector<'_> {
    /// Connects to read. Fails if the org key is not the trusted one.
    pub(super) fn read(self) -> Result<Client, Failure> {
        self.read_with(false, |builder| builder)
    }

    /// Connects to read, with what `change` makes of the builder. With `reports_key`, an org key that changes later and is not
    /// trusted is reported.
    pub(crate) fn read_with(
        self,
        reports_key: bool,
        change: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, Failure> {
        self.connect(Access::Read, || {
            let rotation =
                trust::rotation(self.settings, Access::Read, self.messages, reports_key)?;
            let builder = builder(self.settings, self.messages)?.org_key_rotation(rotation);
            Ok(change(builder))
        })
    }

    /// Connects to write, with what `change` makes of the builder. Fails if the org key is not the trusted one, or if
    /// a first use is doubtful. A later org key that is trusted too, such as that of a rotation in the signed chain, seals what
    /// the vault refuses under the old one.
    pub(super) fn write_with(
        self,
        change: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Client, Failure> {
        self.connect(Access::Write, || {
            let rotation = trust::rotation(self.settings, Access::Write, self.messages, false)?;
            let builder = builder(self.settings, self.messages)?.org_key_rotation(rotation);
            Ok(change(builder))
        })
    }

    /// Connects, and caches the access token. A replaced org key needs a second builder.
    fn connect(
        self,
        access: Access,
        builder: impl Fn() -> Result<ClientBuilder, Failure>,
    ) -> Result<Client, Failure> {
        let resumed = || {
            let builder = builder()?;
            Ok(match self.token {
                Some(token) => token.resume(builder, self.messages),
                None => builder,
            })
        };
        let trust = Trust::load(self.settings)?;
        let client = trust.connect(access, resumed, self.accepted_org_key, self.messages)?;
        if let Some(token) = self.token {
            token.save(&client, self.messages);
        }
        Ok(client)
    }
}

/// Returns a builder with all settings of a connection, except the org key and the cached access token:
/// commands that test the credential fetch a new one.
pub(crate) fn builder(settings: &Settings, messages: Messages) -> Result<ClientBuilder, Failure> {
    builder_for(settings, &Address::of(settings), messages)
}

/// Returns a builder like [`builder`], for one URL of the vault alone, and with this time for all requests.
pub(crate) fn builder_at(
    settings: &Settings,
    base: &BaseUrl,
    time: Option<Duration>,
    messages: Messages,
) -> Result<ClientBuilder, Failure> {
    let address = Address::of(settings).only(base, time);
    builder_for(settings, &address, messages)
}

fn builder_for(
    settings: &Settings,
    address: &Address,
    messages: Messages,
) -> Result<ClientBuilder, Failure> {
    let mut builder = Client::builder(
        address.base_url.as_str(),
        settings.credentials()?,
        settings.key_source()?,
    )
    .on_event(log_events(messages))
    // A command often runs once, so a rotated key has to be noticed at its start.
    .compare_org_key(true);
    builder = match settings.binding {
        Binding::AllowUnbound => builder.allow_unbound(true),
        Binding::RefuseOthers => builder,
        Binding::Required => builder.require_binding(true),
    };
    if let Some(requested) = &settings.scopes {
        builder = builder.scopes(requested.scopes);
    }
    reaching(builder, address)
}

/// Returns a builder that logs in with the keys of a new account as its first command will: its org key has to be that of the chain
/// after the anchor.
pub(crate) fn builder_of_new_account(
    address: &Address,
    keys: &AccountKeys,
    anchor: Anchor,
    messages: Messages,
) -> Result<ClientBuilder, Failure> {
    let pem = keys.private_key.to_pkcs8_pem();
    let pem =
        pem.map_err(|error| Failure::other(format_args!("cannot use the new key: {error}")))?;
    let builder = Client::builder(
        address.base_url.as_str(),
        keys.credentials(),
        KeySource::pem(pem.as_bytes()),
    )
    .on_event(log_events(messages))
    .org_key_rotation(OrgKeyRotation::follow_chain(anchor));
    reaching(builder, address)
}

/// Returns a builder for the calls that need no account.
pub(crate) fn builder_without_account(
    address: &Address,
    messages: Messages,
) -> Result<ClientBuilder<Parts, WithoutAccount>, Failure> {
    if let Some(allowed) = &address.plain_http {
        messages.note(allowed);
    }
    let builder = Client::builder_without_account(address.base_url.as_str());
    reaching(builder.on_event(log_events(messages)), address)
}

/// Adds the settings by which a vault is reached.
fn reaching<A>(
    mut builder: ClientBuilder<Parts, A>,
    address: &Address,
) -> Result<ClientBuilder<Parts, A>, Failure> {
    builder = address
        .failover
        .urls()
        .fold(builder, ClientBuilder::failover);
    if let Some(allowed) = &address.plain_http {
        builder = builder.allow_plain_http(allowed.host.as_str());
    }
    if let Some(pem) = address.certificate()? {
        builder = builder.ca_certificate(pem);
    }
    if let Some(operation) = address.timeout {
        builder = builder.timeouts(timeouts(operation));
    }
    Ok(builder)
}

/// Returns the limits for this timeout. A longer one than by default leaves more time for a single request, too: otherwise it would
/// not help at a vault that answers slowly.
pub(super) fn timeouts(operation: Duration) -> Timeouts {
    let usual = Timeouts::default();
    Timeouts {
        operation,
        // The parts that they have by default.
        attempt: usual.attempt.max(operation / 3),
        silence: usual.silence.max(operation / 6),
        ..usual
    }
}
