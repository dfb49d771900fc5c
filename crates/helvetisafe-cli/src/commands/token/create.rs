//! `token create NAME`.

use std::path::PathBuf;

use helvetisafe::organization::{NewToken, ScopeList};
use helvetisafe::{ExposeSecret, Scope, Timestamp};
use serde::Serialize;

use crate::commands::member_name;
use crate::failure::Failure;
use crate::session::{Administration, Vault};
use crate::ui::output_file::{self, AccessArgs};
use crate::ui::{Ui, expiry};

const EXAMPLES: &str = "\
Examples:
  helvetisafe token create ci --scopes reader --expires 90d --output ci.token
  helvetisafe token create deploy --scopes 'secrets:read credentials:read' --json | jq -r .token";

/// Create an API token, and print it.
///
/// It is made here, and the vault gets its hash alone, so it cannot be shown again. It has no more scopes than the account.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A name for people.
    #[arg(value_name = "NAME", value_parser = member_name::parse)]
    name: String,
    /// The scopes of the token, separated by spaces or commas. `reader` stands for reading and listing secrets, and `member` for
    /// all scopes of secrets.
    #[arg(long, value_name = "SCOPES")]
    scopes: String,
    /// The time until the token expires, such as 90d or 1y [default: it does not expire].
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Write the token into a file of mode 0600 instead; - stands for standard output.
    #[arg(long, short, value_name = "FILE", group = "destination")]
    output: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print what would be made, after the scopes were requested. No token is made.
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
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let scopes = member_name::scopes(&args.scopes)?;
    let now = Timestamp::now();
    let expires = args.expires.as_ref();
    let expires_at = expires.map(|text| expiry::after(now, text)).transpose()?;
    // The credential must have the scopes that it passes on.
    let needed: Vec<_> = scopes.iter().chain([Scope::TokensWrite]).collect();
    let administration = Administration::to_read(vault, &needed)?;
    let new = NewToken {
        name: args.name.clone(),
        scopes: ScopeList::from(scopes),
        expires_at,
    };
    if args.dry_run {
        return explain(args, &new, &administration, ui);
    }
    let (token, record) = administration.call(|organization| organization.create_token(&new))?;
    let file = output_file::named(&args.output);
    if let Some(file) = file {
        output_file::write(
            file,
            token.expose_secret().as_bytes(),
            args.access.access(),
            ui.messages,
        )?;
    }
    if ui.json {
        ui.output.json(&Json {
            id: Some(record.id.to_string()),
            name: &new.name,
            scopes: member_name::list(&record.scopes),
            expires_at: record.expires_at,
            token: file.is_none().then(|| token.expose_secret()),
            output: file.map(|file| file.display().to_string()),
            dry_run: false,
        })?;
    } else if file.is_none() {
        ui.output.line(token.expose_secret())?;
    }
    ui.messages.note(format_args!(
        "next: use it as HELVETISAFE_API_TOKEN or with --api-token-file, beside the private key of the account; its id is {}, and \
         it expires: {}",
        record.id,
        expiry::in_words(record.expires_at, now)
    ));
    Ok(())
}

/// Prints the token that would be made. Its scopes were requested, and have to be the account's.
fn explain(
    args: &Args,
    new: &NewToken,
    administration: &Administration<'_>,
    ui: &Ui,
) -> Result<(), Failure> {
    // The vault answers with these scopes alone.
    administration.call(|organization| organization.tokens())?;
    if ui.json {
        let file = output_file::named(&args.output);
        return ui.output.json(&Json {
            id: None,
            name: &new.name,
            scopes: member_name::list(&new.scopes),
            expires_at: new.expires_at,
            token: None,
            output: file.map(|file| file.display().to_string()),
            dry_run: true,
        });
    }
    let expires = expiry::in_words(new.expires_at, Timestamp::now());
    ui.output.line(&format!(
        "would make the token `{}` with the scopes {}; it expires: {expires}",
        new.name,
        new.scopes.as_str()
    ))
}
