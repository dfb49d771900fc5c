//! The public types in the sources. A type that the test does not know fails it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [(&str, &str); 4] = [
    ("helvetisafe", "helvetisafe"),
    ("crypto", "helvetisafe-crypto"),
    ("proto", "helvetisafe-proto"),
    ("server", "helvetisafe-server"),
];

/// `crate::Type` for every `pub struct` and `pub enum` of the libraries.
pub(crate) fn public_types() -> BTreeSet<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("crates");
    let mut types = BTreeSet::new();
    for (short, folder) in CRATES {
        for file in rust_files(&crates.join(folder).join("src")) {
            let source = fs::read_to_string(file).unwrap();
            let declared = source.lines().map(str::trim_start).filter_map(|line| {
                line.strip_prefix("pub struct ")
                    .or_else(|| line.strip_prefix("pub enum "))
            });
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let name = |text: &str| text.chars().take_while(|&c| is_part(c)).collect::<String>();
            types.extend(declared.map(|text| format!("{short}::{}", name(text))));
        }
    }
    types
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                rust_files(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
