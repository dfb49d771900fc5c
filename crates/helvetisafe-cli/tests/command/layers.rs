//! The modules of the command depend on each other in one direction: that of the table in `main.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the modules in the order of the table, lowest first.
fn modules(main: &str) -> Vec<String> {
    let rows = main.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let cells = rows.map(|row| row.split_once(" | ").unwrap().0);
    cells
        .flat_map(|cell| cell.split(", "))
        .map(|name| name.trim_matches('`').to_owned())
        .collect()
}

/// Returns the modules that a file names with `crate::`.
fn dependencies(text: &str) -> impl Iterator<Item = &str> {
    let text = text.split("crate::").skip(1);
    text.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).into_iter().flatten();
    entries
        .flat_map(|entry| files(&entry.unwrap().path()))
        .collect()
}

#[test]
fn modules_use_only_those_above_them_in_the_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let main = fs::read_to_string(source.join("main.rs")).unwrap();
    let modules = modules(&main);
    let declared = main.lines().filter_map(|line| line.strip_prefix("mod "));
    for name in declared.map(|line| line.trim_end_matches(';')) {
        assert!(modules.iter().any(|it| it == name), "{name} is missing");
    }
    for (rank, name) in modules.iter().enumerate() {
        let paths = [source.join(format!("{name}.rs")), source.join(name)];
        for file in paths.iter().flat_map(|path| files(path)) {
            let text = fs::read_to_string(&file).unwrap();
            for used in dependencies(&text) {
                let allowed = &modules[..=rank];
                let is_allowed = allowed.iter().any(|it| it == used);
                assert!(is_allowed, "{} uses {used}", file.display());
            }
        }
    }
}
