//! The meaning of a failed statement, by its SQLSTATE.

use sqlx::Error;

use crate::log::Limited;
use crate::store::StoreError;

/// The meaning of a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The transaction conflicted with another one, and had no effect.
    Conflict,
    /// The server refused, and the statement had no effect: it is not the primary, or is starting, or has ended the
    /// transaction or the idle session.
    NotPrimary(String),
    /// The connection was lost. The statement may have had its effect, or may still have it.
    Lost(String),
    /// The statement failed and had no effect.
    Refused(StoreError),
}

/// Returns the reason of a failure for an operator, without the driver's words before it and the line of PostgreSQL's
/// source after it.
pub(super) fn reason(error: &Error) -> String {
    match error {
        Error::Database(reason) => {
            let code = reason.code().unwrap_or_default();
            format!("{} ({code})", reason.message())
        }
        Error::Configuration(reason) | Error::Tls(reason) => reason.to_string(),
        Error::Io(reason) => reason.to_string(),
        // Without the place in the driver's source, which the driver appends.
        Error::Protocol(reason) => {
            let end = reason.rfind(" (sqlx").unwrap_or(reason.len());
            reason[..end].to_owned()
        }
        error => error.to_string(),
    }
}

/// Returns the reason of a failed statement with its remedy, if there is one.
pub(super) fn text(error: &Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    let reason = reason(error);
    let remedy = remedy(code.as_deref().unwrap_or_default(), &reason);
    reason + remedy
}

fn remedy(code: &str, message: &str) -> &'static str {
    match code {
        // insufficient_privilege
        "42501" if message.contains(" for table ") => {
            "; to read and write, the role needs rights on every table, which their owner grants with GRANT SELECT, \
             INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO the role; to make or fill the tables, log in as \
             their owner"
        }
        "42501" => "; log in as the role that owns the tables",
        // lock_not_available
        "55P03" => "; another process writes to it",
        _ => "",
    }
}

/// The message about a full disk, which each write would repeat.
static FULL: Limited = Limited::new();

/// The messages about a server without connections or memory, and about conflicts.
static EXHAUSTED: Limited = Limited::new();
static CONFLICTS: Limited = Limited::new();

/// Reports a transaction that has conflicted with others for too long.
pub(super) fn conflicting() -> StoreError {
    CONFLICTS.error(&"a transaction conflicted with others until its timeout, and was given up");
    StoreError::Busy
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        let reason = reason(error);
        match error {
            Error::Database(error) if error.constraint() == Some("writes_pkey") => {
                Self::Refused(StoreError::IdInUse)
            }
            Error::Database(error) => Self::of_code(&error.code().unwrap_or_default(), &reason),
            Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => {
                Self::Lost(reason)
            }
            _ => Self::Refused(StoreError::Failed(reason)),
        }
    }

    /// The codes are in appendix A of PostgreSQL's documentation.
    fn of_code(code: &str, message: &str) -> Self {
        match code {
            // serialization_failure, deadlock_detected
            "40001" | "40P01" => Self::Conflict,
            // read_only_sql_transaction, cannot_connect_now, idle_in_transaction_session_timeout, idle_session_timeout
            "25006" | "57P03" | "25P03" | "57P05" => Self::NotPrimary(message.to_owned()),
            // statement_completion_unknown; admin_shutdown and crash_shutdown, which may follow a commit
            "40003" | "57P01" | "57P02" => Self::Lost(message.to_owned()),
            // disk_full, and CockroachDB's and YugabyteDB's out_of_memory are in class 53.
            "53100" => {
                FULL.error(&format_args!(
                    "the disk of PostgreSQL is full: {message}; free space on the server"
                ));
                Self::Refused(StoreError::Full)
            }
            // too_many_connections, and others of insufficient resources
            _ if code.starts_with("53") => {
                EXHAUSTED.error(&format_args!(
                    "PostgreSQL refuses statements: {message} ({code})"
                ));
                Self::Refused(StoreError::Busy)
            }
            // connection_exception and its kinds
            _ if code.starts_with("08") => Self::Lost(message.to_owned()),
            // foreign_key_violation
            "23503" => Self::Refused(StoreError::NoParent),
            _ => Self::Refused(StoreError::Failed(
                message.to_owned() + remedy(code, message),
            )),
        }
    }
}

/// The SQLSTATEs of failures that are repeated. A metric has no other labels, so that no server can add one.
const REPEATED: [&str; 11] = [
    "40001", "40P01", "40003", "25006", "57P01", "57P02", "57P03", "08000", "08003", "08006",
    "08P01",
];

/// The label of a connection that was lost without an answer.
pub(super) const NO_SQLSTATE: &str = "none";

/// Returns the SQLSTATE of a failure, for a metric.
pub(super) fn sqlstate(error: &Error) -> &'static str {
    let Some(code) = error.as_database_error().and_then(|error| error.code()) else {
        return NO_SQLSTATE;
    };
    let known = REPEATED.into_iter().find(|known| *known == code);
    known.unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_no_words_of_the_driver() {
        for error in [
            Error::Io(std::io::Error::other("it is down")),
            Error::Tls("it is down".into()),
            Error::Configuration("it is down".into()),
            Error::Protocol("it is down (sqlx_postgres::message:173)".to_owned()),
        ] {
            assert_eq!(reason(&error), "it is down");
        }
    }

    #[test]
    fn codes_say_what_became_of_the_statement() {
        let message = "m".to_owned();
        for (code, expected) in [
            ("40001", Failure::Conflict),
            ("40P01", Failure::Conflict),
            ("25006", Failure::NotPrimary(message.clone())),
            ("57P01", Failure::Lost(message.clone())),
            ("57P03", Failure::NotPrimary(message.clone())),
            ("25P03", Failure::NotPrimary(message.clone())),
            ("57P05", Failure::NotPrimary(message.clone())),
            ("08006", Failure::Lost(message.clone())),
            ("40003", Failure::Lost(message.clone())),
            ("53100", Failure::Refused(StoreError::Full)),
            ("53300", Failure::Refused(StoreError::Busy)),
            ("23503", Failure::Refused(StoreError::NoParent)),
            (
                "42P01",
                Failure::Refused(StoreError::Failed(message.clone())),
            ),
        ] {
            assert_eq!(Failure::of_code(code, &message), expected, "{code}");
        }
        let broken = std::io::Error::other("it broke");
        let lost = Failure::Lost("it broke".to_owned());
        assert_eq!(Failure::of(&Error::Io(broken)), lost);
    }
}
