//! `org pending`: lists the open invitations.

use helvetisafe::Timestamp;
use helvetisafe::organization::PendingInvitation;
use serde::Serialize;

use crate::advice;
use crate::commands::member_name;
use crate::failure::Failure;
use crate::session::name_index::{self, Kind};
use crate::session::{Administration, CHANGE, Vault};
use crate::ui::output::Output;
use crate::ui::{Ui, table};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org pending
  helvetisafe org pending --json | jq -r '.[] | select(.state == \"joined\") | .name'";

/// List the invitations that are not confirmed, withdrawn or expired.
///
/// The state is `invited`, or `joined` once a request to join waits for its confirmation. Then the eight words of the
/// public key are shown, to compare them with those that the person sees.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// An element of the output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    id: String,
    name: &'a str,
    scopes: Vec<&'a str>,
    state: &'static str,
    invited_by: &'a str,
    created_at: Timestamp,
    expires_at: Timestamp,
    account: Option<&'a str>,
    words: Option<String>,
}

pub(super) fn run(vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    // An invitation has its sealed secret, so the list is for administrators.
    let administration = Administration::to_read(vault, "cannot list the invitations", &CHANGE)?;
    administration.chain()?;
    let pending = administration.call(|organization| organization.invitations())?;
    let names = pending.iter().map(|it| it.name.as_str());
    name_index::note_all(Kind::Invitations, names, vault.settings()?, ui.messages);
    let pending: Vec<_> = pending.iter().map(Json::new).collect();
    let heading = ["NAME", "STATE", "EXPIRES", "SCOPES", "WORDS"];
    let now = Timestamp::now();
    table::print_list(&pending, heading, |it| it.columns(now, &ui.output), ui)?;
    if !ui.json {
        advise(&pending, ui);
    }
    Ok(())
}

/// Names the next step.
fn advise(pending: &[Json<'_>], ui: &Ui) {
    if pending.is_empty() {
        ui.messages.note("no invitation is open");
    }
    if let Some(joined) = pending.iter().find(|it| it.words.is_some()) {
        ui.messages.note(format_args!(
            "next: compare the words with the person, and run {}",
            advice::command_about("org confirm", joined.name)
        ));
    }
}

impl<'a> Json<'a> {
    fn new(pending: &'a PendingInvitation) -> Self {
        let request = pending.request.as_ref();
        Self {
            id: pending.id.to_string(),
            name: &pending.name,
            scopes: member_name::list(&pending.scopes),
            state: if request.is_some() {
                "joined"
            } else {
                "invited"
            },
            invited_by: &pending.invited_by,
            created_at: pending.created_at,
            expires_at: pending.expires_at,
            account: request.map(|request| request.account.as_str()),
            words: request.and_then(|request| Some(request.words?.to_string())),
        }
    }

    fn columns(&self, now: Timestamp, output: &Output) -> [String; 5] {
        [
            self.name.to_owned(),
            self.state.to_owned(),
            table::time(Some(self.expires_at), now, output),
            member_name::column(&self.scopes, output),
            self.words.clone().unwrap_or_default(),
        ]
    }
}
