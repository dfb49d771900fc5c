//! `list`: prints names and dates.

use glob::Pattern;
use helvetisafe::{SecretMetadata, Timestamp};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::failure::Failure;
use crate::session::{OfflineArgs, Reader, Vault};
use crate::ui::Ui;
use crate::ui::expiry::{after, in_words};

const EXAMPLES: &str = "\
Examples:
  helvetisafe list
  helvetisafe list --prefix DB_ --keys
  helvetisafe list --match '*_TOKEN' --expiring-within 7d
  helvetisafe list --json | jq -r '.[].key'";

/// List the names and dates of all secrets.
///
/// On a terminal it is a table. Piped it has one line for each secret: its key and the times when it was
/// created, was updated and expires, as RFC 3339, separated by tabs. Unknown times are empty.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Print only the keys, one per line.
    #[arg(long, conflicts_with = "json")]
    keys: bool,
    /// Only secrets that expire within this time, such as 7d.
    #[arg(long, value_name = "TIME")]
    expiring_within: Option<String>,
    /// Only keys that begin with this.
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only keys that match this pattern: * is any text, ? one character, [A-C] one of a set.
    #[arg(long = "match", value_name = "GLOB")]
    pattern: Option<Pattern>,
    #[command(flatten)]
    offline: OfflineArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let now = Timestamp::now();
    let until = match &args.expiring_within {
        Some(text) => Some(after(now, text)?),
        None => None,
    };
    let mut listed = Reader::with(&args.offline, vault, |reader| reader.list())?;
    listed.retain(|secret| args.selects(secret, until));
    listed.sort_by(|a, b| a.key().cmp(b.key()));
    if ui.json {
        ui.output
            .json(&listed.iter().map(Json::new).collect::<Vec<_>>())
    } else if args.keys {
        keys(&listed, ui)
    } else if ui.output.is_terminal() {
        table(&listed, now, ui)
    } else {
        lines(&listed, ui)
    }
}

impl Args {
    fn selects(&self, secret: &SecretMetadata, until: Option<Timestamp>) -> bool {
        let key = secret.key().as_ref();
        let has_prefix = self
            .prefix
            .as_ref()
            .is_none_or(|prefix| key.starts_with(prefix));
        let matches = self
            .pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(key));
        let expires = until.is_none_or(|until| secret.expires_at().is_some_and(|at| at <= until));
        has_prefix && matches && expires
    }
}

/// The output of `--json` for each secret; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl<'a> Json<'a> {
    fn new(secret: &'a SecretMetadata) -> Self {
        Self {
            key: secret.key().as_ref(),
            created_at: secret.created_at(),
            updated_at: secret.updated_at(),
            expires_at: secret.expires_at(),
        }
    }
}

/// Prints the keys for scripts. Invalid names, which only a hostile vault lists, are left out.
fn keys(listed: &[SecretMetadata], ui: &Ui) -> Result<(), Failure> {
    let valid: Vec<_> = listed
        .iter()
        .filter_map(|secret| secret.key().valid())
        .collect();
    let left_out = listed.len() - valid.len();
    if left_out > 0 {
        ui.messages.note(format_args!(
            "omitted {left_out} invalid names; `list` shows them"
        ));
    }
    let lines: String = valid.iter().map(|key| format!("{key}\n")).collect();
    ui.output.bytes(lines.as_bytes())
}

fn lines(listed: &[SecretMetadata], ui: &Ui) -> Result<(), Failure> {
    let lines: String = listed.iter().map(tabbed).collect();
    ui.output.bytes(lines.as_bytes())
}

/// Writes a line. An invalid name is escaped, so it has no tab and no line end.
fn tabbed(secret: &SecretMetadata) -> String {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    let (created, updated) = (time(secret.created_at()), time(secret.updated_at()));
    format!(
        "{}\t{created}\t{updated}\t{}\n",
        secret.key(),
        time(secret.expires_at())
    )
}

fn table(listed: &[SecretMetadata], now: Timestamp, ui: &Ui) -> Result<(), Failure> {
    if listed.is_empty() {
        ui.messages.note("no secrets");
        return Ok(());
    }
    let keys: Vec<_> = listed
        .iter()
        .map(|secret| secret.key().to_string())
        .collect();
    let width = keys
        .iter()
        .map(|key| key.chars().count())
        .max()
        .unwrap_or_default()
        .max(3);
    let heading = format!(
        "{:width$}  {:16}  {:16}  EXPIRES",
        "KEY", "CREATED (UTC)", "UPDATED (UTC)"
    );
    ui.output.heading(&heading)?;
    for (secret, key) in listed.iter().zip(&keys) {
        let (created, updated) = (minute(secret.created_at()), minute(secret.updated_at()));
        let expires = in_words(secret.expires_at(), now);
        ui.output.line(&format!(
            "{key:width$}  {created:16}  {updated:16}  {expires}"
        ))?;
    }
    Ok(())
}

fn minute(time: Option<Timestamp>) -> String {
    let in_utc = |time: Timestamp| {
        time.to_zoned_datetime(TimeZone::UTC)
            .strftime("%F %H:%M")
            .to_string()
    };
    time.map_or_else(|| "-".to_owned(), in_utc)
}
