//! The check of the free space for a database file.

use std::path::Path;

use super::super::Checked;
use crate::folder::folder_of;
use crate::problem::Problem;
use crate::store::sqlite::{MIN_FREE, RESERVE, free_space, is_held};

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
            is_held(file),
        )
    })
}

fn judge(folder: &str, free: u64, is_held: bool) -> Checked {
    let remedy = "free space on it, or move the database to a larger one";
    let problem = |consequence| {
        let subject = format!("the disk of {folder}");
        let problem = format!("has {} MiB free, so {consequence}", free >> 20);
        Problem::new(subject, problem, remedy)
    };
    let refused = "creates and updates are refused";
    let missing = "no space can be held in reserve for deletes and token requests";
    match free {
        _ if free < LEAST && !is_held => Checked::fault(
            NAME,
            &problem(
                "nothing can be written, and there is no space in reserve for deletes and token requests",
            ),
        ),
        _ if free < MIN_FREE => Checked::warning(NAME, &problem(refused)),
        _ if free < MIN_FREE + RESERVE && !is_held => Checked::warning(NAME, &problem(missing)),
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
        for (free, is_held, expected) in [
            (0, false, Status::Fault),
            (0, true, Status::Warning),
            (MIN_FREE - 1, false, Status::Warning),
            (MIN_FREE - 1, true, Status::Warning),
            (MIN_FREE, false, Status::Warning),
            (MIN_FREE, true, Status::Ok),
            (MIN_FREE + RESERVE, false, Status::Ok),
        ] {
            let found = judge("/vault", free, is_held);
            assert_eq!(found.status, expected, "{free} {is_held}");
        }
    }
}
