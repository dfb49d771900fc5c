//! The folder of a file, which the vault does not make.

use std::path::Path;

use crate::problem::Problem;

/// Returns the folder of a path.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Returns the folder of a path if it does not exist.
pub(crate) fn missing_folder_of(path: &Path) -> Option<&Path> {
    Some(folder_of(path)).filter(|folder| matches!(folder.try_exists(), Ok(false)))
}

/// Refuses a file that is to be made in a folder which does not exist.
pub(crate) fn check_folder_of(path: &Path) -> Result<(), Problem> {
    let Some(folder) = missing_folder_of(path) else {
        return Ok(());
    };
    let problem = format_args!("its folder {} does not exist", folder.display());
    let quoted = crate::error::quoted(folder);
    let remedy = format_args!(
        "correct the path, or make the folder as the vault's user: mkdir -p -m 0700 {quoted}"
    );
    Err(Problem::new(path.display(), problem, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_is_named_with_the_command_that_makes_it() {
        let error = check_folder_of(Path::new("/absent/it's/a.db")).unwrap_err();
        let expected = "/absent/it's/a.db: its folder /absent/it's does not exist; correct the path, or make the \
                        folder as the vault's user: mkdir -p -m 0700 '/absent/it'\\''s'";
        assert_eq!(error.to_string(), expected);
        for path in ["/absent", "a.db"] {
            assert_eq!(check_folder_of(Path::new(path)), Ok(()), "{path}");
        }
    }
}
