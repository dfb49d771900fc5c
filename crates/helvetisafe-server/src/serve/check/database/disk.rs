//! The check of the free space for a database file.

use std::path::Path;

use super::super::Checked;
use crate::folder::folder_of;
use crate::problem::Problem;
use crate::store::sqlite::{LEFT_RESERVE, MIN_FREE, RESERVE, free_space, held};

const NAME: &str = "disk";

/// Less than this is used up by the start of a vault.
const LEAST: u64 = 1 << 20;

/// Checks the free space. A missing folder has none, and is reported as such.
pub(super) fn check(file: &Path) -> Option<Checked> {
    let folder = folder_of(file);
    folder.is_dir().then(|| {
        judge(
            &folder.display().to_string(),
            free_space(folder),
            held(file),
        )
    })
}

/// `held` is the space in reserve, which a vault uses for its start if no byte is free.
fn judge(folder: &str, free: u64, held: u64) -> Checked {
    let remedy = "free space on it, or move the database to a larger one";
    let problem = |consequence| {
        let subject = format!("the disk of {folder}");
        let problem = format!("has {} MiB free, so {consequence}", free >> 20);
        Problem::new(subject, problem, remedy)
    };
    let all = free.saturating_add(held);
    let missing = "creates and updates are refused, and no space can be held in reserve for deletes and token requests";
    match all {
        ..LEAST => Checked::fault(
            NAME,
            &problem(
                "nothing can be written, and there is no space in reserve for deletes and token requests",
            ),
        ),
        ..MIN_FREE if held < LEFT_RESERVE => Checked::warning(NAME, &problem(missing)),
        _ if all < MIN_FREE + RESERVE => {
            Checked::warning(NAME, &problem("creates and updates are refused"))
        }
        _ => Checked::ok(
            NAME,
            format_args!("{} MiB are free in {folder}", free >> 20),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Status;
    use super::*;

    #[test]
    fn little_space_is_a_warning_and_none_at_all_a_fault() {
        for (free, held, expected, text) in [
            (0, 0, Status::Fault, "nothing can be written"),
            (0, RESERVE, Status::Warning, "are refused"),
            // After a release and a stop.
            (0, LEFT_RESERVE, Status::Warning, "are refused"),
            (LEAST, 0, Status::Warning, "no space can be held"),
            (MIN_FREE, 0, Status::Warning, "are refused"),
            (MIN_FREE - 1, RESERVE, Status::Warning, "are refused"),
            (MIN_FREE, RESERVE, Status::Ok, "are free"),
            (MIN_FREE + RESERVE, 0, Status::Ok, "are free"),
        ] {
            let found = judge("/vault", free, held);
            assert_eq!(found.status, expected, "{free} {held}");
            assert!(found.text.contains(text), "{}", found.text);
        }
    }
}
