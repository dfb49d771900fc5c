//! `token create NAME`.

use std::path::PathBuf;

use helvetisafe::organization::{NewToken, ScopeList, TokenRecord};
use helvetisafe::{ExposeSecret, Scope, SecretString, Timestamp};
use serde::Serialize;

use crate::advice::{self, shell_quoted};
use crate::commands::member_name;
use crate::failure::{Failure, Status};
use crate::session::{Administration, Vault};
use crate::ui::output_file::{self, AccessArgs};
use crate::ui::progress::Progress;
use crate::ui::{Ui, expiry};

const EXAMPLES: &str = "\
Examples:
  helvetisafe token create ci --scopes reader --expires 90d --output ci.token
  helvetisafe token create deploy --scopes 'secrets:read credentials:read' --json | jq -r .token";

/// The beginning of refusals.
const FAILED: &str = "cannot create the API token";

/// Create an API token, and print it.
///
/// It is made here, and the vault gets its hash alone, so it cannot be shown again. It has no more scopes than the account.
/// An API token cannot create another one.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A name for people, which no other token of the account has as its name or id.
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
    /// Check the name and the scopes, and print what would be made. No token is made.
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
    output_file::check(&args.output, args.access)?;
    // The credential must have the scopes that it passes on.
    let needed: Vec<_> = [Scope::TokensWrite]
        .into_iter()
        .chain(scopes.iter())
        .collect();
    Administration::refuse_api_token(vault, FAILED, &needed)?;
    let now = Timestamp::now();
    let expires = args.expires.as_ref();
    let expires_at = expires.map(|text| expiry::after(now, text)).transpose()?;
    vault.settings()?.read_secrets()?;
    let progress = Progress::of_change(ui.messages);
    let administration = Administration::to_read(vault, FAILED, &needed)?;
    check_name(&args.name, &administration)?;
    let new = NewToken {
        name: args.name.clone(),
        scopes: ScopeList::from(scopes),
        expires_at,
    };
    if args.dry_run {
        return explain(args, &new, ui);
    }
    let unknown = args.if_unanswered();
    let (token, record) = administration.change(&progress, unknown, |it| it.create_token(&new))?;
    progress.if_interrupted(args.if_lost());
    let written = write(args, &new, &token, &record, ui);
    written.map_err(|failure| failure.with_advice(&args.if_lost()))?;
    progress.finish();
    ui.messages.note(format_args!(
        "made the token `{}` with the id {}; it expires: {}",
        new.name,
        record.id,
        expiry::in_words(record.expires_at, now)
    ));
    advise(args, vault, ui)
}

impl Args {
    /// Returns the message of a signal while the outcome is unknown.
    fn if_unanswered(&self) -> String {
        format!(
            "whether the token `{}` was made is not known: {} shows it; its text was not printed, so if it was made, revoke it with \
             {}, and make another one",
            self.name,
            advice::command("token list"),
            advice::command_about("token revoke", &self.name)
        )
    }

    /// Returns the message of a signal or a failure before the text of the token is printed or stored. It cannot be shown again.
    fn if_lost(&self) -> String {
        format!(
            "the token `{}` was made, and its text may not be complete: if you do not have it, revoke the token with {}, and make \
             another one",
            self.name,
            advice::command_about("token revoke", &self.name)
        )
    }
}

/// Prints the token, or stores it.
fn write(
    args: &Args,
    new: &NewToken,
    token: &SecretString,
    record: &TokenRecord,
    ui: &Ui,
) -> Result<(), Failure> {
    let text = token.expose_secret();
    let file = output_file::named(&args.output);
    if let Some(file) = file {
        output_file::write(file, text.as_bytes(), args.access.access(), ui.messages)?;
    }
    if ui.json {
        ui.output.json(&Json {
            id: Some(record.id.to_string()),
            name: &new.name,
            scopes: member_name::list(&record.scopes),
            expires_at: record.expires_at,
            token: file.is_none().then_some(text),
            output: file.map(|file| file.display().to_string()),
            dry_run: false,
        })?;
    } else if file.is_none() {
        ui.output.line(text)?;
    }
    match file {
        Some(_) => Ok(()),
        None => ui.output.check_read(),
    }
}

/// Names the next step: a profile with the token. The token opens nothing without the private key of the account.
fn advise(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let name = member_name::file_name(&args.name, "token");
    let (store, file) = match output_file::named(&args.output) {
        Some(file) => (String::new(), file.to_owned()),
        None => {
            let file = PathBuf::from(format!("{name}.token"));
            let store = format!("store it in {}, with mode 0600; then ", file.display());
            (store, file)
        }
    };
    let Some(options) = vault.settings()?.init_options() else {
        ui.messages.note(format_args!(
            "next: {store}`helvetisafe init` makes a profile with it, which also needs the private key of the account"
        ));
        return Ok(());
    };
    let file = std::path::absolute(&file).unwrap_or(file);
    let config = advice::config_options();
    ui.messages.note(format_args!(
        "next: {store}`helvetisafe init --profile {name} --api-token-file {}{options}{config}` makes a profile with it; on another \
         machine, copy the files first, and change their paths",
        shell_quoted(&file)
    ));
    Ok(())
}

/// Fails if another token has the name or the id: `token revoke` would not know which one is meant.
fn check_name(name: &str, administration: &Administration<'_>) -> Result<(), Failure> {
    let tokens = administration.call(|organization| organization.tokens())?;
    let named = tokens.iter().map(|it| ("name", it, it.name.clone()));
    let ids = tokens.iter().map(|it| ("id", it, Some(it.id.to_string())));
    let mut taken = named.chain(ids);
    let Some((what, other, _)) = taken.find(|(_, _, text)| text.as_deref() == Some(name)) else {
        return Ok(());
    };
    Err(Failure::new(
        Status::Conflict,
        format_args!(
            "{FAILED}: the account has one with the {what} `{name}`; choose another name, or revoke that one first with {}",
            advice::command(format_args!("token revoke {}", other.id))
        ),
    ))
}

/// Prints the token that would be made.
fn explain(args: &Args, new: &NewToken, ui: &Ui) -> Result<(), Failure> {
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
