//! `audit`: the record of administrative acts.

mod filter;
mod names;

use std::collections::BTreeSet;

use helvetisafe::organization::AuditRecord;
use helvetisafe::{Scope, Timestamp};
use serde::Serialize;

use self::filter::{Filter, FilterArgs};
use self::names::Names;
use crate::failure::Failure;
use crate::session::{Administration, Vault};
use crate::ui::{Ui, table};

const EXAMPLES: &str = "\
Examples:
  helvetisafe audit
  helvetisafe audit --member bob --since 30d
  helvetisafe audit --action organization.disable --action rotation --json | jq -r '.[].at'";

/// Print the record of administrative acts, the newest first.
///
/// The vault writes it, so it is as trustworthy as the vault; members and org keys are proven by the signed chain instead. The names of
/// accounts are those of the chain, if a part of it is trusted. The account needs the scope audit:read.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Print at most this many acts, 1 or more.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = limit)]
    limit: usize,
    #[command(flatten)]
    filter: FilterArgs,
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
    actor_name: Option<&'a str>,
    subject_name: Option<&'a str>,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let since = args.filter.since()?;
    let administration = Administration::to_read(
        vault,
        "cannot read the audit record",
        &[Scope::CredentialsRead, Scope::AuditRead],
    )?;
    let names = Names::load(&administration);
    let filter = args.filter.filter(since, &names)?;
    let (records, acts) = records(&administration, args.limit, &filter)?;
    // The record is printed also if the chain is refused.
    let (names, refused) = match names {
        Ok(names) => (names, Ok(())),
        Err(failure) => (Names::default(), Err(failure)),
    };
    let records: Vec<_> = records.iter().map(|it| Json::new(it, &names)).collect();
    if records.is_empty() && args.filter.is_given() {
        let examined = acts.into_iter().collect::<Vec<_>>().join(", ");
        // Another act may have been meant.
        let examined = match args.filter.names_acts() && !examined.is_empty() {
            true => format!("; those that were examined are: {examined}"),
            false => String::new(),
        };
        ui.messages.note(format_args!("no act matches{examined}"));
    }
    let heading = ["TIME", "ACT", "ACTOR", "SUBJECT", "DETAIL"];
    table::print_list(&records, heading, |it| it.columns(&names), ui)?;
    refused
}

/// Parses the number of acts.
fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it would print nothing; give 1 or more".to_owned()),
        Ok(count) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(count),
        _ => Err("give a whole number from 1 on, in digits".to_owned()),
    }
}

/// Fetches pages until there are enough selected records, or no older ones. Returns them, and all acts of these pages.
fn records(
    administration: &Administration<'_>,
    limit: usize,
    filter: &Filter,
) -> Result<(Vec<AuditRecord>, BTreeSet<String>), Failure> {
    let (mut records, mut acts, mut before) = (Vec::new(), BTreeSet::new(), None);
    while records.len() < limit {
        let page = administration.call(|organization| organization.audit(before))?;
        // A whole page, since the clocks of nodes may differ.
        let is_old = |it| filter.is_before(it);
        let is_last = !page.records.is_empty() && page.records.iter().all(is_old);
        acts.extend(page.records.iter().map(|it| it.act.clone()));
        records.extend(page.records.into_iter().filter(|it| filter.selects(it)));
        before = page.next;
        if before.is_none() || is_last {
            break;
        }
    }
    records.truncate(limit);
    Ok((records, acts))
}

impl<'a> Json<'a> {
    fn new(record: &'a AuditRecord, names: &'a Names) -> Self {
        let name = |account: &'a Option<String>| account.as_deref().and_then(|it| names.of(it));
        Self {
            id: record.id.to_string(),
            at: record.at,
            actor: record.actor.as_deref(),
            act: &record.act,
            subject: record.subject.as_deref(),
            detail: record.detail.as_deref(),
            actor_name: name(&record.actor),
            subject_name: name(&record.subject),
        }
    }

    fn columns(&self, names: &Names) -> [String; 5] {
        let shown = |account: Option<&str>| account.map(|it| names.shown(it)).unwrap_or_default();
        [
            format!("{:.0}", self.at),
            self.act.to_owned(),
            shown(self.actor),
            shown(self.subject),
            self.detail.unwrap_or_default().to_owned(),
        ]
    }
}
