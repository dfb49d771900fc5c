//! Compares the audit record with its seals.

use helvetisafe_proto::Hex;

use super::seal::{Seal, sealed_columns};
use crate::store::act::{Record, Statement};
use crate::store::database::Engine;
use crate::store::postgres::Postgres;
use crate::store::{Database, Moment, OrganizationId, StoreCounts, StoreError, sqlite};

/// The number of seals of a page.
const PAGE: i64 = 100;

/// The record of an organization, and its problems.
pub(crate) struct Checked {
    pub(crate) organization: OrganizationId,
    /// The number of sealed acts.
    pub(crate) acts: u64,
    /// The number of acts that have no seal yet.
    pub(crate) unsealed: u64,
    /// The hash of each seal, from the first one on.
    pub(crate) seals: Vec<[u8; 32]>,
    pub(crate) problems: Vec<String>,
}

/// A database that is read, also while a vault serves it.
enum Source {
    /// In a transaction, so as of one moment.
    Sqlite(rusqlite::Connection),
    Postgres(Box<Postgres>),
}

/// Checks the records of all organizations. The tables have to be those of this version.
pub(crate) async fn check(database: &Database) -> Result<Vec<Checked>, StoreError> {
    let source = Source::open(database)?;
    let checked = source.check().await;
    source.close().await;
    checked
}

impl Source {
    fn open(database: &Database) -> Result<Self, StoreError> {
        match &database.0 {
            Engine::Memory => Err(StoreError::Failed("the database is in memory".to_owned())),
            Engine::Sqlite(path) => sqlite::reading(path).map(Self::Sqlite),
            Engine::Postgres(address) => {
                let postgres = Postgres::counted(address, StoreCounts::default());
                Ok(Self::Postgres(Box::new(postgres)))
            }
        }
    }

    async fn close(&self) {
        if let Self::Postgres(postgres) = self {
            postgres.close().await;
        }
    }

    async fn records(&self, statement: Statement) -> Result<Vec<Record>, StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::select(connection, &statement)?),
            Self::Postgres(postgres) => postgres.records(&statement).await,
        }
    }

    async fn check(&self) -> Result<Vec<Checked>, StoreError> {
        let select = Statement::new(
            "SELECT organization FROM audit WHERE organization IS NOT NULL UNION SELECT organization FROM audit_seals ORDER BY 1",
        );
        let mut checked = Vec::new();
        for row in self.records(select).await? {
            checked.push(self.check_one(OrganizationId(row.integer(0)?)).await?);
        }
        Ok(checked)
    }

    async fn check_one(&self, organization: OrganizationId) -> Result<Checked, StoreError> {
        let mut checked = Checked {
            organization,
            acts: 0,
            unsealed: 0,
            seals: Vec::new(),
            problems: Vec::new(),
        };
        let (mut last, mut before) = (0, [0; 32]);
        loop {
            let select = Statement::new(
                "SELECT number, acts, sha256, sealed_at FROM audit_seals WHERE organization = $1 AND number > $2 \
                 ORDER BY number LIMIT $3",
            );
            let select = select.bind(organization.0).bind(last).bind(PAGE);
            let seals = self.records(select).await?;
            for seal in &seals {
                before = self.check_seal(&mut checked, seal, last, &before).await?;
                last = seal.integer(0)?;
            }
            if seals.is_empty() {
                break;
            }
        }
        self.check_others(&mut checked, last).await?;
        Ok(checked)
    }

    /// Compares a seal with its rows. Returns its hash as it is stored, so that one changed act is one problem.
    async fn check_seal(
        &self,
        checked: &mut Checked,
        row: &Record,
        last: i64,
        before: &[u8; 32],
    ) -> Result<[u8; 32], StoreError> {
        let seal = Seal {
            organization: checked.organization,
            number: row.integer(0)?,
            sealed_at: Moment(row.integer(3)?),
        };
        let (number, acts, stored) = (seal.number, row.integer(1)?, row.array(2)?);
        if number != last + 1 {
            checked.problem(format_args!(
                "the seals from {} to {} were removed",
                last + 1,
                number - 1
            ));
            checked
                .seals
                .resize(usize::try_from(number - 1).unwrap_or(0), [0; 32]);
        }
        let select = Statement::new(concat!(
            "SELECT ",
            sealed_columns!(),
            " FROM audit WHERE organization = $1 AND seal = $2 ORDER BY at, id"
        ));
        let rows = self
            .records(select.bind(seal.organization.0).bind(number))
            .await?;
        if i64::try_from(rows.len()) != Ok(acts) {
            checked.problem(format_args!(
                "seal {number} covers {acts} acts, and the record has {}: acts were removed or added",
                rows.len()
            ));
        } else if number == last + 1 && seal.hash(before, &rows) != stored {
            checked.problem(format_args!(
                "seal {number} is not that of its {acts} acts and the seal before: acts or the seal were changed"
            ));
        }
        checked.acts += rows.len() as u64;
        checked.seals.push(stored);
        Ok(stored)
    }

    /// Counts the acts that no seal covers.
    async fn check_others(&self, checked: &mut Checked, last: i64) -> Result<(), StoreError> {
        let select = Statement::new(
            "SELECT count(*) FROM audit WHERE organization = $1 AND seal IS NOT NULL AND (seal > $2 OR seal < 1)",
        );
        let rows = self
            .records(select.bind(checked.organization.0).bind(last))
            .await?;
        match rows.first().map_or(Ok(0), |row| row.integer(0))? {
            0 => {}
            count => checked.problem(format_args!(
                "{count} acts have a seal that does not exist: the newest seals were removed"
            )),
        }
        let select =
            Statement::new("SELECT count(*) FROM audit WHERE organization = $1 AND seal IS NULL");
        let rows = self.records(select.bind(checked.organization.0)).await?;
        checked.unsealed = rows
            .first()
            .map_or(Ok(0), |row| row.integer(0))?
            .unsigned_abs();
        Ok(())
    }
}

impl Checked {
    fn problem(&mut self, problem: std::fmt::Arguments<'_>) {
        self.problems.push(problem.to_string());
    }

    /// Returns the organization as it is sent.
    pub(crate) fn id(&self) -> Hex<8> {
        self.organization.0.to_be_bytes().into()
    }
}
