//! `token revoke TOKEN`.

use helvetisafe::Scope;
use helvetisafe::organization::TokenRecord;
use serde::Serialize;

use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::{Administration, Vault};
use crate::ui::progress::Progress;
use crate::ui::{Ui, prompt};

const EXAMPLES: &str = "\
Examples:
  helvetisafe token revoke ci
  helvetisafe token revoke 0123456789abcdef --yes";

/// Revoke an API token: no request with it is accepted from then on.
///
/// On a terminal it asks first; without one it needs --yes.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The id of the token, or its name if no other token has it. Never the token itself.
    #[arg(value_name = "ID")]
    token: String,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Print which token would be revoked. Nothing is changed.
    #[arg(long)]
    dry_run: bool,
}

/// The output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    action: &'static str,
    id: String,
    name: Option<&'a str>,
    dry_run: bool,
}

pub(super) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    vault.settings()?.read_secrets()?;
    let progress = Progress::of_change(ui.messages);
    let administration = Administration::to_read(
        vault,
        "cannot revoke the API token",
        &[Scope::CredentialsRead, Scope::TokensWrite],
    )?;
    let tokens = administration.call(|organization| organization.tokens())?;
    let token = find(&tokens, &args.token)?;
    if !args.dry_run {
        if !args.yes {
            ask(token, ui)?;
        }
        let described = described(token);
        let unknown = format!(
            "whether {described} is revoked is not known: {} shows it",
            advice::command("token list")
        );
        administration.change(&progress, unknown, |it| it.revoke_token(token.id))?;
        progress.finish();
    }
    if ui.json {
        return ui.output.json(&Json {
            action: "revoked",
            id: token.id.to_string(),
            name: token.name.as_deref(),
            dry_run: args.dry_run,
        });
    }
    if args.dry_run {
        let text = format!("would revoke {}", described(token));
        return ui.output.line(&text);
    }
    ui.messages
        .note(format_args!("revoked {}", described(token)));
    Ok(())
}

/// Returns the token with an id or a name. The text is not shown: it may be the token itself.
fn find<'t>(tokens: &'t [TokenRecord], text: &str) -> Result<&'t TokenRecord, Failure> {
    if let Some(token) = tokens.iter().find(|it| it.id.to_string() == text) {
        return Ok(token);
    }
    let mut named = tokens.iter().filter(|it| it.name.as_deref() == Some(text));
    let list = advice::command("token list");
    match (named.next(), named.next()) {
        (Some(token), None) => Ok(token),
        (Some(_), Some(_)) => Err(Failure::usage(format_args!(
            "several tokens have this name, and none was revoked; give the id, which {list} shows"
        ))),
        (None, _) => Err(Failure::new(
            Status::NotFound,
            format_args!("no token of the account has this id or name; {list} lists them"),
        )),
    }
}

fn ask(token: &TokenRecord, ui: &Ui) -> Result<(), Failure> {
    prompt::require_at_terminal(
        "cannot confirm to revoke a token without a terminal; give --yes",
        format_args!("revoke {}?", described(token)),
        "nothing was revoked",
        ui.messages,
    )
}

fn described(token: &TokenRecord) -> String {
    match &token.name {
        Some(name) => format!("`{name}` ({})", token.id),
        None => token.id.to_string(),
    }
}
