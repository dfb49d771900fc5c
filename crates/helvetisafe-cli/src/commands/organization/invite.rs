//! `org invite NAME`: invites a person or a service.

use std::path::PathBuf;

use helvetisafe::Timestamp;
use helvetisafe::organization::{Anchor, Chain, NewInvite, ScopeList, SigningKey};
use serde::Serialize;

use super::free_name;
use crate::advice;
use crate::commands::member_name;
use crate::failure::{Failure, Status};
use crate::random;
use crate::session::{Administration, CHANGE, Vault, administrator};
use crate::ui::output_file::{self, AccessArgs};
use crate::ui::{Ui, expiry};

const EXAMPLES: &str = "\
Examples:
  helvetisafe org invite bob --scopes member --output bob.code
  helvetisafe org invite ci --scopes 'secrets:read credentials:read' --expires 2h
  helvetisafe org invite ada --scopes administrator --json | jq -r .code";

/// Invite a person or a service, and print the invitation code.
///
/// Give the code to the invited person on a channel that the vault does not control, such as an encrypted message: it is a
/// secret, and the first one who uses it can join under this name. It also has what the person needs to verify the organization.
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
    /// The time until the invitation expires, such as 2h or 7d.
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
    let expires_at = whole_seconds(expiry::after(Timestamp::now(), &args.expires)?)?;
    let administration = Administration::to_write(vault, &CHANGE)?;
    let key = administration.signing_key()?;
    let chain = administration.chain()?;
    let anchor = Anchor::Head(*chain.head());
    let invite = NewInvite {
        name: args.name.clone(),
        scopes,
        expires_at,
    };
    if args.dry_run {
        return explain(args, &invite, &administration, &key, &chain, ui);
    }
    let invited = administration
        .call(|organization| organization.invite(&administrator(&key, &anchor), &invite))?;
    administration.saw(&chain, invited.head)?;
    let code = invited.code.encode();
    let id = random::hex(&invited.code.secret.id()).to_string();
    let file = output_file::named(&args.output);
    if let Some(file) = file {
        output_file::write(file, code.as_bytes(), args.access.access(), ui.messages)?;
    }
    if ui.json {
        ui.output.json(&Json {
            id: Some(id),
            name: &args.name,
            scopes: member_name::list(&invite.scopes),
            expires_at,
            code: file.is_none().then_some(code.as_str()),
            output: file.map(|file| file.display().to_string()),
            dry_run: false,
        })?;
    } else if file.is_none() {
        ui.output.line(&code)?;
    }
    let code_is = file.map_or_else(
        || "this code".to_owned(),
        |file| format!("the code in {}", file.display()),
    );
    ui.messages.note(format_args!(
        "next: give {code_is} to `{}` on a channel that the vault does not control; there `helvetisafe join --output-dir FOLDER` \
         takes it; then run {}; it expires {}",
        args.name,
        advice::command(format_args!("org confirm {}", member_name::quoted(&args.name))),
        expiry::in_words(Some(expires_at), Timestamp::now())
    ));
    Ok(())
}

/// Verifies what the vault would refuse, and prints the invitation.
fn explain(
    args: &Args,
    invite: &NewInvite,
    administration: &Administration<'_>,
    key: &SigningKey,
    chain: &Chain,
    ui: &Ui,
) -> Result<(), Failure> {
    let own = key.verification_key();
    if !chain.administrators().values().any(|it| *it == own) {
        return Err(Failure::new(
            Status::Forbidden,
            "the signing key is not an administrator's in the chain: use the key of an administrator, or ask one",
        ));
    }
    free_name::check(administration, chain, &invite.name)?;
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

/// The sealed terms have whole seconds.
fn whole_seconds(time: Timestamp) -> Result<Timestamp, Failure> {
    Timestamp::from_second(time.as_second())
        .map_err(|error| Failure::usage(format_args!("the expiry is out of range: {error}")))
}
