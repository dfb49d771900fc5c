//! Verifies the audit record of a database.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use helvetisafe_proto::Hex;
use serde::{Deserialize, Serialize};

use super::{block_on, check_exists};
use crate::problem::Problem;
use crate::store::{Checked, Schema, check_audit};
use crate::{Database, Error};

/// The audit records of all organizations, compared with their seals.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct VerifiedAudit {
    /// The database, without credentials.
    pub database: String,
    /// The records, in the order of the organizations.
    pub organizations: Vec<VerifiedRecord>,
}

/// The audit record of an organization.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VerifiedRecord {
    /// The id of the organization: 16 hexadecimal digits.
    pub organization: String,
    /// The number of sealed acts.
    #[serde(default)]
    pub acts: u64,
    /// The number of acts that have no seal yet. A vault that serves seals them within a minute.
    #[serde(default)]
    pub unsealed: u64,
    /// The number of seals, each over the one before.
    pub seals: u64,
    /// The hash of the newest seal: 64 hexadecimal digits; `None` if there is none.
    pub head: Option<String>,
    /// The contradictions between the record and its seals. Empty if there is none.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// An earlier result, as `--json` printed it.
#[derive(Deserialize)]
struct Earlier {
    organizations: Vec<VerifiedRecord>,
}

/// Verifies the audit record of each organization: the acts of each seal, and the chain of the seals. `earlier` is a file with an
/// earlier result in JSON, which was stored where the vault's operator cannot write: its heads have to be in the chains, since
/// seals that were made anew are otherwise not noticed, and the record has at least as many acts. A vault may be serving the database.
///
/// # Errors
///
/// [`Error::Problem`] if the tables are not those of this version, or `earlier` cannot be parsed; [`Error::File`] if it cannot be
/// read; [`Error::Database`] if the database cannot be read. Contradictions are no error, but in
/// [`problems`](VerifiedRecord::problems).
pub fn verify_audit(database: &Database, earlier: Option<&Path>) -> Result<VerifiedAudit, Error> {
    let earlier = earlier.map(read).transpose()?;
    if let Some(path) = database.sqlite_file() {
        check_exists(path)?;
    }
    let checked = block_on(async {
        let migrations = database.migrations().await;
        let migrations = migrations.map_err(|error| database.error(error))?;
        if !migrations.schema().is_usable() {
            return Err(other_tables(database, migrations.schema()).into());
        }
        let checked = check_audit(database).await;
        checked.map_err(|error| database.error(error))
    })?;
    let mut earlier = by_organization(earlier);
    let mut organizations: Vec<_> = checked
        .iter()
        .map(|checked| verified(checked, earlier.remove(&checked.id().to_string())))
        .collect();
    organizations.extend(earlier.into_values().map(removed));
    Ok(VerifiedAudit {
        database: database.to_string(),
        organizations,
    })
}

impl VerifiedRecord {
    /// Returns the number of acts, sealed or not.
    fn all_acts(&self) -> u64 {
        self.acts.saturating_add(self.unsealed)
    }
}

impl VerifiedAudit {
    /// Returns true if no record contradicts its seals.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        let mut records = self.organizations.iter();
        records.all(|record| record.problems.is_empty())
    }
}

fn read(file: &Path) -> Result<Earlier, Error> {
    let text = std::fs::read(file).map_err(Error::file("read", file))?;
    serde_json::from_slice(&text).map_err(|error| {
        let problem = format!("is not an earlier result: {error}");
        let remedy = "give the output of helvetisafe-server audit verify --json";
        Problem::new(file.display(), problem, remedy).into()
    })
}

fn other_tables(database: &Database, schema: Schema) -> Problem {
    let (problem, remedy) = match schema {
        Schema::Incompatible => (
            "has the tables of a newer version, which this one cannot read",
            "use that version of helvetisafe-server",
        ),
        _ => (
            "has no seals of the audit record yet",
            "run helvetisafe-server migrate, or serve it with this version",
        ),
    };
    Problem::new(format_args!("database {database}"), problem, remedy)
}

/// Returns the earlier records that have an act or a seal, by organization.
fn by_organization(earlier: Option<Earlier>) -> BTreeMap<String, VerifiedRecord> {
    let records = earlier
        .into_iter()
        .flat_map(|earlier| earlier.organizations);
    let records = records.filter(|record| record.head.is_some() || record.all_acts() > 0);
    records
        .map(|record| (record.organization.clone(), record))
        .collect()
}

fn verified(checked: &Checked, earlier: Option<VerifiedRecord>) -> VerifiedRecord {
    let text = |hash: &[u8; 32]| Hex::from(*hash).to_string();
    let mut problems = checked.problems.clone();
    if let Some(earlier) = earlier {
        let at = usize::try_from(earlier.seals).ok();
        let at = at.and_then(|at| at.checked_sub(1));
        let found = at.and_then(|at| checked.seals.get(at)).map(text);
        if earlier.head.is_some() && found != earlier.head {
            problems.push(format!(
                "seal {} is not the one of the earlier result: the record was removed or made anew",
                earlier.seals
            ));
        }
        let (before, now) = (earlier.all_acts(), checked.acts + checked.unsealed);
        if now < before {
            problems.push(format!(
                "acts of the earlier result are missing: it had {before}, and the record has {now}"
            ));
        }
    }
    VerifiedRecord {
        organization: checked.id().to_string(),
        acts: checked.acts,
        unsealed: checked.unsealed,
        seals: checked.seals.len() as u64,
        head: checked.seals.last().map(text),
        problems,
    }
}

/// An organization of the earlier result that the database does not have.
fn removed(earlier: VerifiedRecord) -> VerifiedRecord {
    VerifiedRecord {
        acts: 0,
        unsealed: 0,
        seals: 0,
        head: None,
        problems: vec!["the record of the earlier result was removed".to_owned()],
        ..earlier
    }
}

impl fmt::Display for VerifiedAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.organizations.is_empty() {
            return write!(f, "{} has no act", self.database);
        }
        for (at, record) in self.organizations.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{record}")?;
        }
        Ok(())
    }
}

impl fmt::Display for VerifiedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.problems.is_empty() {
            true => "intact",
            false => "NOT INTACT",
        };
        write!(
            f,
            "organization {}: {state}, sealed acts: {}, unsealed: {}, seals: {}",
            self.organization, self.acts, self.unsealed, self.seals
        )?;
        if let Some(head) = &self.head {
            write!(f, ", head {head}")?;
        }
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}
