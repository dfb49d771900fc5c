//! `org members`: lists the accounts of the organization.

use helvetisafe::organization::{Anchor, Member, Standing, Words};
use helvetisafe::{Scope, Timestamp};
use serde::Serialize;

use crate::commands::member_name;
use crate::failure::{Failure, Status};
use crate::session::name_index::{self, Kind};
use crate::session::{Administration, Vault};
use crate::ui::output::Output;
use crate::ui::{Ui, table};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org members
  helvetisafe org members --json | jq -r '.[] | select(.state == \"active\") | .account'";

/// List the accounts of the organization, as the signed chain proves them.
///
/// The state is `active` or `disabled`, if the vault and the chain agree. Else the vault is not honest, or faulty: `unproven`
/// is an account that the chain does not have, `hidden` one that only the chain has, and `other-key` or `other-name` one for
/// which the vault gives another key or name. None of them gets a new org key. The names are those of the chain.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// An element of the output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    account: &'a str,
    name: Option<&'a str>,
    state: &'static str,
    administrator: bool,
    scopes: Vec<&'a str>,
    words: Option<String>,
    created_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
}

pub(super) fn run(vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let administration = Administration::to_read(
        vault,
        "cannot list the members",
        &[Scope::CredentialsRead, Scope::OrganizationRead],
    )?;
    let chain = administration.chain()?;
    let anchor = Anchor::Head(*chain.head());
    let members = administration.call(|organization| organization.members(&anchor))?;
    let active = members.iter().filter(|it| it.standing == Standing::Active);
    let names = active.filter_map(|it| it.name.as_deref());
    name_index::note_all(Kind::Members, names, vault.settings()?, ui.messages);
    let mut members: Vec<_> = members.iter().map(Json::new).collect();
    // A member that was enrolled again has the same name.
    members.sort_by_key(|member| (member.name, member.created_at, member.account));
    let doubtful = members
        .iter()
        .filter(|it| !matches!(it.state, "active" | "disabled"));
    let mut doubts = 0;
    for member in doubtful {
        doubts += 1;
        ui.messages.warning(format_args!(
            "the account {} is `{}`: the vault and the signed chain differ; ask another administrator, and check the vault",
            member.account, member.state
        ));
    }
    let heading = ["NAME", "STATE", "ADMINISTRATOR", "SCOPES", "ACCOUNT"];
    table::print_list(&members, heading, |it| it.columns(&ui.output), ui)?;
    match doubts {
        0 => Ok(()),
        _ => Err(Failure::new(
            Status::Crypto,
            format_args!(
                "the vault and the signed chain differ about {doubts} of {} accounts",
                members.len()
            ),
        )),
    }
}

fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Disabled => "disabled",
        Standing::OnlyInVault => "unproven",
        Standing::OnlyInChain => "hidden",
        Standing::OtherName => "other-name",
        _ => "other-key",
    }
}

impl<'a> Json<'a> {
    fn new(member: &'a Member) -> Self {
        let scopes = member.scopes.as_ref();
        let key = member.public_key.as_ref();
        Self {
            account: &member.account,
            name: member.name.as_deref(),
            state: state(member.standing),
            administrator: member.verification_key.is_some(),
            scopes: scopes.map(member_name::list).unwrap_or_default(),
            words: key.map(|key| Words::of_public_key(key).to_string()),
            created_at: member.created_at,
            disabled_at: member.disabled_at,
        }
    }

    fn columns(&self, output: &Output) -> [String; 5] {
        let administrator = if self.administrator { "yes" } else { "no" };
        [
            self.name.unwrap_or_default().to_owned(),
            self.state.to_owned(),
            administrator.to_owned(),
            member_name::column(&self.scopes, output),
            self.account.to_owned(),
        ]
    }
}
