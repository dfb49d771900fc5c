//! `audit`: the record of administrative acts.

use helvetisafe::organization::AuditRecord;
use helvetisafe::{Scope, Timestamp};
use serde::Serialize;

use crate::failure::Failure;
use crate::session::{Administration, Vault};
use crate::ui::{Ui, table};

const EXAMPLES: &str = "\
Examples:
  helvetisafe audit
  helvetisafe audit --limit 1000 --json | jq -r '.[] | select(.act == \"organization.disable\")'";

/// Print the record of administrative acts, the newest first.
///
/// The vault writes it, so it is as trustworthy as the vault; members and org keys are proven by the signed chain instead. The account
/// needs the scope audit:read.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Print at most this many acts, 1 or more.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = limit)]
    limit: usize,
}

/// An element of the output of `--json`; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    id: String,
    at: Timestamp,
    actor: Option<&'a str>,
    act: &'a str,
    subject: Option<&'a str>,
    detail: Option<&'a str>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let administration = Administration::to_read(
        vault,
        "cannot read the audit record",
        &[Scope::CredentialsRead, Scope::AuditRead],
    )?;
    let records = records(&administration, args.limit)?;
    let records: Vec<_> = records.iter().map(Json::new).collect();
    let heading = ["TIME", "ACT", "ACTOR", "SUBJECT", "DETAIL"];
    table::print_list(&records, heading, Json::columns, ui)
}

/// Parses the number of acts.
fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it would print nothing; give 1 or more".to_owned()),
        Ok(count) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(count),
        _ => Err("give a whole number from 1 on, in digits".to_owned()),
    }
}

/// Fetches pages until there are enough records, or no older ones.
fn records(administration: &Administration<'_>, limit: usize) -> Result<Vec<AuditRecord>, Failure> {
    let (mut records, mut before) = (Vec::new(), None);
    while records.len() < limit {
        let page = administration.call(|organization| organization.audit(before))?;
        records.extend(page.records);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    records.truncate(limit);
    Ok(records)
}

impl<'a> Json<'a> {
    fn new(record: &'a AuditRecord) -> Self {
        Self {
            id: record.id.to_string(),
            at: record.at,
            actor: record.actor.as_deref(),
            act: &record.act,
            subject: record.subject.as_deref(),
            detail: record.detail.as_deref(),
        }
    }

    fn columns(&self) -> [String; 5] {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        [
            format!("{:.0}", self.at),
            self.act.to_owned(),
            text(self.actor),
            text(self.subject),
            text(self.detail),
        ]
    }
}
