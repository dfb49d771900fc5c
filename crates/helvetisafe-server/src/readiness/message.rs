//! The reasons and the warnings, as `/ready` and the log have them.

use serde::Serialize;

/// A reason for which a vault is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
}

/// A flaw with which a vault is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Warning {
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
    /// The message at its end.
    #[serde(skip)]
    end: &'static str,
}

pub(super) const DRAINING: Reason = Reason {
    code: "draining",
    text: "the vault is about to stop",
};
pub(crate) const DATABASE: Reason = Reason {
    code: "database",
    text: "the database takes no writes; the vault's log has the reason",
};
pub(super) const TABLES: Reason = Reason {
    code: "tables",
    text: "the vault lacks tables of the database or rights on them; its log has the reason",
};
pub(super) const SCHEMA: Reason = Reason {
    code: "schema",
    text: "the tables of the database are not those that this version serves",
};
pub(super) const DISK: Reason = Reason {
    code: "disk",
    text: "the disk of the database is full, so not even deletes and token requests succeed",
};
pub(super) const STANDBY: Warning = Warning {
    code: "standby",
    text: "no commit waits for a synchronous standby, so an acknowledged write is on one server alone; set \
           synchronous_standby_names",
    end: "commits wait for a synchronous standby again",
};
pub(super) const STUCK: Warning = Warning {
    code: "standby_down",
    text: "no synchronous standby confirms commits, so writes and logins wait or are refused; start the standby, or \
           change synchronous_standby_names",
    end: "commits no longer wait for a standby that does not confirm them",
};
pub(super) const PRIMARIES: Warning = Warning {
    code: "primaries",
    text: "several hosts of the database accept writes, so nodes could write to different databases; stop the old primary at \
           once, and make it a standby of the new one",
    end: "no second host of the database is known to accept writes",
};
pub(super) const LOW_DISK: Warning = Warning {
    code: "disk",
    text: "the disk of the database has less than 32 MiB free beside 26 MiB in reserve, so creates and updates are \
           refused; free space on it, or move the database to a larger one",
    end: "the disk of the database has enough space again",
};
pub(super) const NO_RESERVE: Warning = Warning {
    code: "reserve",
    text: "the database has no disk space in reserve, so deletes and token requests fail once its disk is full; free \
           space on it until 32 MiB are free",
    end: "the database has disk space in reserve again",
};
pub(super) const CLOCK: Warning = Warning {
    code: "clock",
    text: "the clocks of this node and of the database differ by more than 5 s; synchronize both",
    end: "the clocks of this node and of the database agree again",
};

/// Returns the messages at the end of warnings. That commits wait again is no good news if no standby confirms them.
pub(super) fn ended<'a>(
    before: &'a [Warning],
    now: &'a [Warning],
) -> impl Iterator<Item = &'static str> + 'a {
    let goes_on = |it: &Warning| now.contains(it) || *it == STANDBY && now.contains(&STUCK);
    let ended = before.iter().filter(move |it| !goes_on(it));
    ended.map(|it| it.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_names_the_space_that_values_leave() {
        use crate::store::sqlite::{MIN_FREE, RESERVE};
        let (free, reserve) = (MIN_FREE >> 20, RESERVE >> 20);
        let space = format!("less than {free} MiB free beside {reserve} MiB in reserve");
        assert!(LOW_DISK.text.contains(&space));
        assert!(
            NO_RESERVE
                .text
                .contains(&format!("until {free} MiB are free"))
        );
    }

    #[test]
    fn an_absent_standby_is_not_reported_as_the_end_of_a_warning() {
        for (before, now, expected) in [
            (&[STANDBY][..], &[][..], &[STANDBY.end][..]),
            (&[STANDBY], &[STUCK], &[]),
            (&[STANDBY, CLOCK], &[STUCK], &[CLOCK.end]),
            (&[STUCK], &[STANDBY], &[STUCK.end]),
            (&[STUCK], &[], &[STUCK.end]),
        ] {
            let messages: Vec<_> = ended(before, now).collect();
            assert_eq!(messages, expected);
        }
    }
}
