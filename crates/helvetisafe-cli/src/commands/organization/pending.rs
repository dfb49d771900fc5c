//! `org pending`: lists the open invitations.

use helvetisafe::organization::{Anchor, Chain, PendingInvitation, SigningKey};
use helvetisafe::{ErrorKind, Timestamp};
use serde::Serialize;

use crate::advice;
use crate::commands::member_name;
use crate::failure::{Failure, Status};
use crate::session::name_index::{self, Kind};
use crate::session::{Administration, CHANGE, Vault, administrator};
use crate::ui::output::Output;
use crate::ui::{Ui, table};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org pending
  helvetisafe org pending --json | jq -r '.[] | select(.state == \"joined\") | .name'";

/// List the invitations that are not confirmed, withdrawn or expired.
///
/// The state is `invited`, or `joined` once a request to join waits for its confirmation. Then the eight words of the
/// public key are shown, to compare them with those that the person sees. With the signing key, each request is verified as `org
/// confirm` does: one that does not verify has the state `refused` and no words, and the status is 8. One that cannot be verified now has no
/// words, and a warning.
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
    #[serde(skip)]
    verdict: Verdict,
}

/// The outcome of the verification of a request.
enum Verdict {
    /// The request verifies, or there is none, or no signing key.
    Accepted,
    /// The vault, or another person, has changed it.
    Refused(String),
    /// The vault did not give what the verification needs.
    Unknown(String),
}

pub(super) fn run(vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    // An invitation has its sealed secret, so the list is for administrators.
    let administration = Administration::to_read(vault, "cannot list the invitations", &CHANGE)?;
    let chain = administration.chain()?;
    let pending = administration.call(|organization| organization.invitations())?;
    let names = pending.iter().map(|it| it.name.as_str());
    name_index::note_all(Kind::Invitations, names, vault.settings()?, ui.messages);
    // A profile without a signing key lists them as the vault states them.
    let key = vault.settings()?.signing_key()?;
    let verified = pending.iter().map(|it| {
        let verdict = verify(&administration, key.as_ref(), &chain, it);
        Json::new(it, verdict)
    });
    let pending: Vec<_> = verified.collect();
    let heading = ["NAME", "STATE", "EXPIRES", "SCOPES", "WORDS"];
    let now = Timestamp::now();
    table::print_list(&pending, heading, |it| it.columns(now, &ui.output), ui)?;
    if !ui.json {
        advise(&pending, ui);
    }
    report_verdicts(&pending, ui)
}

/// Verifies a request as its confirmation would.
fn verify(
    administration: &Administration<'_>,
    key: Option<&SigningKey>,
    chain: &Chain,
    invitation: &PendingInvitation,
) -> Verdict {
    let Some(key) = key.filter(|_| invitation.request.is_some()) else {
        return Verdict::Accepted;
    };
    let anchor = Anchor::Head(*chain.head());
    let by = administrator(key, &anchor);
    match administration.attempt(|it| it.verify_request(&by, invitation)) {
        Ok(Ok(())) => Verdict::Accepted,
        Ok(Err(error)) if error.kind() == ErrorKind::Crypto => {
            Verdict::Refused(error.without_advice())
        }
        // The invitation can be gone or expired: `org confirm` says so.
        Ok(Err(error)) => Verdict::Unknown(error.without_advice()),
        Err(failure) => Verdict::Unknown(failure.message().unwrap_or("no answer").to_owned()),
    }
}

/// Warns of the requests that were not verified, and fails if one is refused.
fn report_verdicts(pending: &[Json<'_>], ui: &Ui) -> Result<(), Failure> {
    let mut is_refused = false;
    for it in pending {
        let name = it.name.escape_debug();
        match &it.verdict {
            Verdict::Accepted => {}
            Verdict::Refused(reason) => {
                is_refused = true;
                ui.messages
                    .warning(format_args!("the request of `{name}` is refused: {reason}"));
            }
            Verdict::Unknown(reason) => ui.messages.warning(format_args!(
                "the request of `{name}` was not verified: {reason}; {} verifies it",
                advice::command_about("org confirm --dry-run", it.name)
            )),
        }
    }
    match is_refused {
        true => Err(Failure::silent(Status::Crypto as u8)),
        false => Ok(()),
    }
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
    fn new(pending: &'a PendingInvitation, verdict: Verdict) -> Self {
        let request = pending.request.as_ref();
        let accepted = request.filter(|_| matches!(verdict, Verdict::Accepted));
        Self {
            id: pending.id.to_string(),
            name: &pending.name,
            scopes: member_name::list(&pending.scopes),
            state: match (request, &verdict) {
                (None, _) => "invited",
                (Some(_), Verdict::Refused(_)) => "refused",
                (Some(_), _) => "joined",
            },
            invited_by: &pending.invited_by,
            created_at: pending.created_at,
            expires_at: pending.expires_at,
            account: request.map(|request| request.account.as_str()),
            words: accepted.and_then(|request| Some(request.words?.to_string())),
            verdict,
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
