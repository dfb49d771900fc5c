//! The options in `docs/cli.md` are those of the parser.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::world::World;

/// Options of other programs, in examples.
const OF_OTHERS: [&str; 4] = ["--decrypt", "--features", "--path", "--unix-socket"];

/// Returns the long options in a text.
fn options(text: &str) -> BTreeSet<String> {
    let after = text.split("--").skip(1);
    let names = after.map(|text| {
        let end = text.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-');
        text[..end.unwrap_or(text.len())].trim_end_matches('-')
    });
    let names = names.filter(|name| name.len() > 1);
    names.map(|name| format!("--{name}")).collect()
}

/// Returns the options of all commands, from their manual pages.
fn options_of_the_parser() -> BTreeSet<String> {
    let world = World::new();
    let status = world
        .command()
        .args(["man", "--output-dir", "man"])
        .status();
    assert!(status.unwrap().success());
    let pages = fs::read_dir(world.folder.path().join("man")).unwrap();
    let pages = pages.map(|page| fs::read_to_string(page.unwrap().path()).unwrap());
    pages
        .flat_map(|page| options(&page.replace("\\-", "-")))
        .collect()
}

#[test]
fn the_page_has_the_options_of_the_parser() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let documented = options(&fs::read_to_string(page).unwrap());
    let parsed = options_of_the_parser();
    let missing = |from: &BTreeSet<String>, of: &BTreeSet<String>| -> Vec<_> {
        let missing = of.difference(from).cloned();
        missing
            .filter(|option| !OF_OTHERS.contains(&option.as_str()))
            .collect()
    };
    let undocumented = missing(&documented, &parsed);
    assert!(
        undocumented.is_empty(),
        "not in docs/cli.md: {undocumented:?}"
    );
    // Without the feature `sync` has no options.
    if cfg!(feature = "kubernetes") {
        let unknown = missing(&parsed, &documented);
        assert!(unknown.is_empty(), "no option of the command: {unknown:?}");
    }
}
