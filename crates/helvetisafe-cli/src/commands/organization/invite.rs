//! `org invite NAME`: invites a person or a service.

use std::path::{Path, PathBuf};
use std::time::Duration;

use helvetisafe::Timestamp;
use helvetisafe::organization::{Anchor, InvitationCode, NewInvite, ScopeList};
use serde::Serialize;

use super::free_name;
use crate::advice::{self, shell_quoted};
use crate::commands::member_name;
use crate::failure::{Failure, Status};
use crate::random;
use crate::session::{Administration, CHANGE, Vault, administrator};
use crate::settings::Address;
use crate::ui::output_file::{self, AccessArgs};
use crate::ui::progress::Progress;
use crate::ui::{Ui, expiry};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org invite bob --scopes member --output bob.code
  helvetisafe org invite ci --scopes 'secrets:read credentials:read' --expires 2h
  helvetisafe org invite ada --scopes administrator --json | jq -r .code";

/// The beginning of refusals.
const FAILED: &str = "cannot invite";

/// The shortest time until an invitation expires: the sealed terms have whole seconds.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest one: the vault refuses a longer one.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Invite a person or a service, and print the invitation code.
///
/// Give the code to the invited person on a channel that the vault does not control, such as an encrypted message: it is a
/// secret, and the first person who uses it can join under this name. It also has what the person needs to verify the organization.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The name of the new account, for people.
    #[arg(value_name = "NAME", value_parser = member_name::parse)]
    name: String,
    /// The scopes of the new account, separated by spaces or commas. `reader` stands for reading and listing secrets, `member`
    /// for all scopes of secrets, and `administrator` for all scopes.
    #[arg(long, value_name = "SCOPES")]
    scopes: String,
    /// The time until the invitation expires, such as 2h or 7d, from 1s to 90d.
    #[arg(long, value_name = "TIME", default_value = "24h")]
    expires: String,
    /// Write the code into a file of mode 0600 instead; - stands for standard output.
    #[arg(long, short, value_name = "FILE", group = "destination")]
    output: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Verify the chain and the name, and print what would be done. No code is made, and nothing is changed.
    #[arg(long)]
    dry_run: bool,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    /// `None` in a dry run.
    id: Option<String>,
    name: &'a str,
    scopes: Vec<&'a str>,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let scopes = ScopeList::from(member_name::scopes(&args.scopes)?);
    let expires_at = expires_at(&args.expires, Timestamp::now())?;
    output_file::check(&args.output, args.access)?;
    vault.settings()?.read_secrets()?;
    let progress = Progress::of_change(ui.messages);
    let administration = Administration::to_write(vault, FAILED, &CHANGE)?;
    let (key, chain) = administration.chain_to_sign()?;
    let anchor = Anchor::Head(*chain.head());
    let invite = NewInvite {
        name: args.name.clone(),
        scopes,
        expires_at,
    };
    if args.dry_run {
        free_name::check(&administration, &chain, &args.name, FAILED)?;
        return explain(args, &invite, ui);
    }
    free_name::check_members(&chain, &args.name, FAILED)?;
    let by = administrator(&key, &anchor);
    let unknown = args.if_unanswered();
    let invited = administration.change(&progress, unknown, |it| it.invite(&by, &invite));
    let invited = invited.map_err(|failure| match failure.status() == Status::Conflict as u8 {
        // An open invitation may have the name.
        true => free_name::check(&administration, &chain, &args.name, FAILED)
            .err()
            .unwrap_or(failure),
        false => failure,
    })?;
    progress.if_interrupted(args.if_lost());
    // Without the code the invitation is of no use, so it is printed also if the head cannot be remembered.
    let remembered = administration.saw(&chain, invited.head);
    let written = write(args, &invite, &invited.code, ui);
    written.map_err(|failure| failure.with_advice(&args.if_lost()))?;
    remembered?;
    progress.finish();
    advise(args, expires_at, vault, ui)
}

impl Args {
    /// Returns the message of a signal while the outcome is unknown.
    fn if_unanswered(&self) -> String {
        format!(
            "whether `{}` is invited is not known: {} shows it; the code was not printed, so if the invitation is open, withdraw it \
             with {}, and invite again",
            self.name,
            advice::command("org pending"),
            advice::command_about("org withdraw", &self.name)
        )
    }

    /// Returns the message of a signal or a failure before the code is printed or stored. It cannot be shown again.
    fn if_lost(&self) -> String {
        format!(
            "`{}` is invited, and the code may not be complete: if you do not have it, withdraw the invitation with {}, and invite \
             again",
            self.name,
            advice::command_about("org withdraw", &self.name)
        )
    }
}

/// Prints the code, or stores it.
fn write(args: &Args, invite: &NewInvite, code: &InvitationCode, ui: &Ui) -> Result<(), Failure> {
    let text = code.encode();
    let file = output_file::named(&args.output);
    if let Some(file) = file {
        output_file::write(file, text.as_bytes(), args.access.access(), ui.messages)?;
    }
    if ui.json {
        ui.output.json(&Json {
            id: Some(random::hex(&code.secret.id()).to_string()),
            name: &args.name,
            scopes: member_name::list(&invite.scopes),
            expires_at: invite.expires_at,
            code: file.is_none().then_some(text.as_str()),
            output: file.map(|file| file.display().to_string()),
            dry_run: false,
        })?;
    } else if file.is_none() {
        ui.output.line(&text)?;
    }
    match file {
        Some(_) => Ok(()),
        None => ui.output.check_read(),
    }
}

/// Names the next step.
fn advise(args: &Args, expires_at: Timestamp, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let join = Join::of(args, &Address::of(vault.settings()?));
    ui.messages.note(format_args!(
        "next: give {} to `{}` on a channel that the vault does not control; `{}` joins with it on the other machine, in the \
         folder with the copies; then run {}; {}",
        join.needs,
        args.name,
        join.command,
        advice::command_about("org confirm", &args.name),
        expiry::sentence(expires_at, Timestamp::now())
    ));
    Ok(())
}

/// The command of the invited person, who reaches the vault as the administrator does.
struct Join {
    command: String,
    /// The code, and the other files that it needs.
    needs: String,
}

impl Join {
    fn of(args: &Args, address: &Address) -> Self {
        let mut command = "helvetisafe join".to_owned();
        let mut needs = "this code".to_owned();
        if let Some(file) = output_file::named(&args.output) {
            command += &format!(" {}", advice::option("--code-file", copied(file)));
            needs = format!("the code in {}", file.display());
        }
        if !address.failover.is_empty() {
            let urls = shell_quoted(address.failover.to_string().as_ref());
            command += &format!(" --failover-urls {urls}");
        }
        if let Some(file) = &address.ca_certificate {
            command += &format!(" {}", advice::option("--ca-certificate", copied(file)));
            needs += &format!(", and a copy of the CA certificate {},", file.display());
        }
        if let Some(allowed) = &address.plain_http {
            let host = shell_quoted(allowed.host.as_ref());
            command += &format!(" --allow-plain-http {host}");
        }
        let folder = member_name::file_name(&args.name, "account");
        command += &format!(" --output-dir {folder}");
        Self { command, needs }
    }
}

/// Returns the name of a file's copy in another folder.
fn copied(file: &Path) -> &Path {
    Path::new(file.file_name().unwrap_or(file.as_os_str()))
}

/// Prints the invitation that would be made.
fn explain(args: &Args, invite: &NewInvite, ui: &Ui) -> Result<(), Failure> {
    if ui.json {
        let file = output_file::named(&args.output);
        return ui.output.json(&Json {
            id: None,
            name: &invite.name,
            scopes: member_name::list(&invite.scopes),
            expires_at: invite.expires_at,
            code: None,
            output: file.map(|file| file.display().to_string()),
            dry_run: true,
        });
    }
    ui.output.line(&format!(
        "would invite `{}` with the scopes {}; the code would expire {}",
        invite.name,
        invite.scopes.as_str(),
        expiry::in_words(Some(invite.expires_at), Timestamp::now())
    ))
}

/// Returns the end of the time from now in whole seconds, a second from now at least.
fn expires_at(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let time = expiry::after(now, text)?;
    if time.duration_since(now).unsigned_abs() < SHORTEST {
        return Err(Failure::usage(format_args!(
            "an invitation is open for a second at least: give --expires 1s or more, not `{text}`"
        )));
    }
    let longest = now.as_second() + LONGEST.as_secs().cast_signed();
    if time.as_second() > longest {
        return Err(Failure::usage(format_args!(
            "the vault takes no invitation that expires after more than 90 days: give --expires 90d or less, not `{text}`"
        )));
    }
    let shortest = now.as_second() + 1 + i64::from(now.subsec_nanosecond() > 0);
    Timestamp::from_second(time.as_second().max(shortest))
        .map_err(|error| Failure::usage(format_args!("the expiry is out of range: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_open_for_a_second_at_least() {
        let now = "2027-01-01T00:00:00.9Z".parse().unwrap();
        for text in ["500ms", "999ms", "1us", "0s", "-1s"] {
            assert!(expires_at(text, now).is_err(), "{text}");
        }
        for (text, expected) in [
            ("1s", "2027-01-01T00:00:02Z"),
            ("1500ms", "2027-01-01T00:00:02Z"),
            ("8s", "2027-01-01T00:00:08Z"),
            ("90d", "2027-04-01T00:00:00Z"),
        ] {
            let time = expires_at(text, now).unwrap();
            assert_eq!(time, expected.parse().unwrap(), "{text}");
        }
        assert!(expires_at("91d", now).is_err());
    }
}
