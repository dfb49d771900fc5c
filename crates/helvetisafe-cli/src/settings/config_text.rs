//! Changes of the configuration file's text. All other lines stay as they are.

use std::ops::Range;
use std::path::Path;

use toml::Table;
use toml::de::{DeTable, DeValue};

/// The comment behind the name of a file that `init` has made.
const MADE: &str = " # made by init";
/// The name of the configuration file whose comments may lack it: earlier versions did not write it.
const USUAL: &str = "config.toml";

/// Returns the comment behind the name of a file that `init` makes for a profile in this configuration file. A copy of
/// the configuration file has another name, or is in another folder, and must not have the files of the original removed.
pub(super) fn mark(config: &Path) -> String {
    format!("{MADE} for {}", name(config))
}

/// Returns the name of a file, without what a comment cannot hold.
fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.replace(char::is_control, "?")
}

/// Returns the text with a profile at its end, or in place of the one of the same name. `lines` are its
/// settings. In an empty file it is the default profile. `None` if the file has its profiles in another form
/// than `[profiles.NAME]`.
pub(super) fn with_profile(text: &str, name: &str, lines: &str) -> Option<String> {
    let section = format!("[profiles.{name}]\n{lines}");
    let is_empty = text.trim().is_empty();
    let changed = if is_empty {
        format!("default_profile = \"{name}\"\n\n{section}")
    } else if let Some(range) = section_of(text, name)? {
        format!("{}{section}{}", &text[..range.start], &text[range.end..])
    } else {
        format!("{}\n\n{section}", text.trim_end())
    };
    let lines: Table = lines.parse().ok()?;
    let is_right = is_changed_to(&changed, text, |table| {
        if is_empty {
            table.insert("default_profile".to_owned(), name.into());
        }
        let profiles = table.entry("profiles");
        let profiles = profiles.or_insert_with(|| Table::new().into());
        profiles
            .as_table_mut()?
            .insert(name.to_owned(), lines.into());
        Some(())
    });
    is_right.then_some(changed)
}

/// Returns the text with these values, in TOML, of a profile: in place of those that it has, or at its end. `None` if the file
/// has the profile in another form than `[profiles.NAME]`.
pub(super) fn with_values(text: &str, name: &str, values: &[(&str, String)]) -> Option<String> {
    let mut changed = text.to_owned();
    for (key, value) in values {
        let section = section_of(&changed, name)??;
        let line = format!("{key} = {value}\n");
        let (range, gap) = match lines_of(&changed, name, key)? {
            Some(lines) => (lines, ""),
            None if changed[section.clone()].ends_with('\n') => (section.end..section.end, ""),
            None => (section.end..section.end, "\n"),
        };
        changed.replace_range(range, &format!("{gap}{line}"));
    }
    let is_right = is_changed_to(&changed, text, |table| {
        let profile = table.get_mut("profiles")?.get_mut(name)?.as_table_mut()?;
        for (key, value) in values {
            let lines: Table = format!("{key} = {value}").parse().ok()?;
            profile.extend(lines);
        }
        Some(())
    });
    is_right.then_some(changed)
}

/// Returns the text without a profile. `None` if the file has its profiles in another form than
/// `[profiles.NAME]`.
pub(super) fn without_profile(text: &str, name: &str) -> Option<String> {
    let changed = cut(text, section_of(text, name)??);
    let is_right = is_changed_to(&changed, text, |table| {
        let profiles = table.get_mut("profiles")?.as_table_mut()?;
        profiles.remove(name)?;
        if profiles.is_empty() {
            table.remove("profiles");
        }
        Some(())
    });
    is_right.then_some(changed)
}

/// Returns the text with another default profile, or with none.
pub(super) fn with_default(text: &str, name: Option<&str>) -> Option<String> {
    let line = |name| format!("default_profile = {}\n", quoted(name));
    let changed = match (name, default_of(text)?) {
        (None, None) => text.to_owned(),
        (None, Some(range)) => cut(text, range),
        (Some(name), None) => format!("{}\n{text}", line(name)),
        (Some(name), Some(range)) => {
            format!(
                "{}{}{}",
                &text[..range.start],
                line(name),
                &text[range.end..]
            )
        }
    };
    let is_right = is_changed_to(&changed, text, |table| {
        table.remove("default_profile");
        if let Some(name) = name {
            table.insert("default_profile".to_owned(), name.into());
        }
        Some(())
    });
    is_right.then_some(changed)
}

/// Returns true if `init` made the file that a key of a profile names, for this configuration file.
pub(super) fn is_made(text: &str, config: &Path, name: &str, key: &str) -> bool {
    let value = || {
        let table = DeTable::parse(text).ok()?;
        let section = table.get_ref().get("profiles")?.get_ref().get(name)?;
        Some(section.get_ref().get(key)?.span())
    };
    let line = value().and_then(|span| text[span.end..].lines().next());
    line.is_some_and(|rest| {
        rest.trim_end() == mark(config) || (rest.trim_end() == MADE && self::name(config) == USUAL)
    })
}

/// Writes a text as a basic string of TOML.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Removes lines, and the blank line behind them if there is one before them or nothing.
fn cut(text: &str, lines: Range<usize>) -> String {
    let (before, after) = (&text[..lines.start], &text[lines.end..]);
    let is_after_gap = before.is_empty() || before.ends_with("\n\n");
    let shorter = after.strip_prefix('\n').filter(|_| is_after_gap);
    format!("{before}{}", shorter.unwrap_or(after))
}

/// Returns the lines of a profile, from its header to its last setting; `Some(None)` if there is no such
/// profile, and `None` if it has no header.
fn section_of(text: &str, name: &str) -> Option<Option<Range<usize>>> {
    let table = DeTable::parse(text).ok()?;
    let Some(profiles) = table.get_ref().get("profiles") else {
        return Some(None);
    };
    let Some(section) = profiles.get_ref().get(name) else {
        return Some(None);
    };
    let DeValue::Table(settings) = section.get_ref() else {
        return None;
    };
    let header = section.span();
    if !text[header.clone()].starts_with('[') {
        return None;
    }
    let ends = settings.iter().map(|(_, value)| value.span().end);
    let end = ends.fold(header.end, usize::max);
    Some(Some(header.start..end_of_line(text, end)))
}

/// Returns the lines of a key of a profile; `Some(None)` if the profile does not have it.
fn lines_of(text: &str, name: &str, key: &str) -> Option<Option<Range<usize>>> {
    let table = DeTable::parse(text).ok()?;
    let profile = table.get_ref().get("profiles")?.get_ref().get(name)?;
    let settings = profile.get_ref().as_table()?;
    let mut settings = settings.iter().filter(|(it, _)| it.get_ref() == key);
    Some(settings.next().map(|(key, value)| {
        let (start, end) = (key.span().start, value.span().end);
        start..end_of_line(text, end)
    }))
}

/// Returns the line of the default profile; `Some(None)` if there is none.
fn default_of(text: &str) -> Option<Option<Range<usize>>> {
    let table = DeTable::parse(text).ok()?;
    let entry = table.get_ref().iter();
    let mut entry = entry.filter(|(key, _)| key.get_ref() == "default_profile");
    Some(entry.next().map(|(key, value)| {
        let (start, end) = (key.span().start, value.span().end);
        start..end_of_line(text, end)
    }))
}

/// Returns the end of the line that a position is in, with its line feed.
fn end_of_line(text: &str, position: usize) -> usize {
    let rest = &text[position..];
    rest.find('\n')
        .map_or(text.len(), |length| position + length + 1)
}

/// Returns true if a text is what a change makes of another one.
fn is_changed_to(text: &str, before: &str, change: impl FnOnce(&mut Table) -> Option<()>) -> bool {
    let expected = || {
        let mut table: Table = before.parse().ok()?;
        change(&mut table)?;
        Some(table)
    };
    let found: Option<Table> = text.parse().ok();
    found.is_some() && found == expected()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "\
# mine
default_profile = \"a\" # the default

# about a
[profiles.a] # of a
timeout = \"1s\" # short
client_secret_command = [
  \"x\", # a word
]

# about b
[profiles.b]
[profiles.\"c d\"]
timeout = \"\"\"
[profiles.b]
\"\"\"
";

    #[test]
    fn a_profile_is_removed_and_all_other_lines_stay() {
        let without = |name| without_profile(FILE, name).unwrap();
        let b = without("b");
        assert_eq!(b, FILE.replacen("[profiles.b]\n", "", 1));
        let c = without("c d");
        assert_eq!(c, FILE.split_once("[profiles.\"c d\"]").unwrap().0);
        let a = without("a");
        let (before, after) = FILE.split_once("[profiles.a]").unwrap();
        let after = after.split_once("]\n\n").unwrap().1;
        assert_eq!(a, format!("{before}\n{after}"));
        assert_eq!(without_profile("[profiles.a]\n", "a").unwrap(), "");
        assert_eq!(without_profile("[profiles.a]", "a").unwrap(), "");
    }

    #[test]
    fn a_profile_is_replaced_in_its_place() {
        let replaced = with_profile(FILE, "b", "timeout = \"9s\"\n").unwrap();
        let expected = FILE.replacen("[profiles.b]\n", "[profiles.b]\ntimeout = \"9s\"\n", 1);
        assert_eq!(replaced, expected);
        let replaced = with_profile("[profiles.a]", "a", "timeout = \"9s\"\n").unwrap();
        assert_eq!(replaced, "[profiles.a]\ntimeout = \"9s\"\n");
    }

    #[test]
    fn values_of_a_profile_are_changed_and_added_and_all_other_lines_stay() {
        let values = |name, values: &[(&str, &str)]| {
            let values: Vec<_> = values.iter().map(|(key, it)| (*key, quoted(it))).collect();
            with_values(FILE, name, &values)
        };
        let changed = values("a", &[("timeout", "9s"), ("scopes", "x")]).unwrap();
        let expected = FILE
            .replacen("timeout = \"1s\" # short\n", "timeout = \"9s\"\n", 1)
            .replacen("# a word\n]\n", "# a word\n]\nscopes = \"x\"\n", 1);
        assert_eq!(changed, expected);
        let changed = values("c d", &[("timeout", "9s")]).unwrap();
        let (before, _) = FILE.split_once("timeout = \"\"\"").unwrap();
        assert_eq!(changed, format!("{before}timeout = \"9s\"\n"));
        assert_eq!(values("none", &[("timeout", "9s")]), None);
        assert_eq!(values("a", &[]).unwrap(), FILE);
        let added = with_values("[profiles.a]", "a", &[("scopes", quoted("x"))]);
        assert_eq!(added.unwrap(), "[profiles.a]\nscopes = \"x\"\n");
    }

    #[test]
    fn the_default_is_changed_and_removed() {
        let changed = with_default(FILE, Some("b")).unwrap();
        let line = "default_profile = \"a\" # the default\n";
        assert_eq!(changed, FILE.replacen(line, "default_profile = \"b\"\n", 1));
        assert_eq!(
            with_default(FILE, None).unwrap(),
            FILE.replacen(line, "", 1)
        );
        let new = with_default("# x\n[profiles.a]\n", Some("a")).unwrap();
        assert_eq!(new, "default_profile = \"a\"\n\n# x\n[profiles.a]\n");
    }

    #[test]
    fn other_forms_of_profiles_are_not_changed() {
        for text in [
            "profiles = { a = { timeout = \"1s\" } }\n",
            "[profiles]\na = { timeout = \"1s\" }\n",
            "[profiles]\na.timeout = \"1s\"\n",
        ] {
            assert_eq!(without_profile(text, "a"), None, "{text}");
            assert_eq!(with_profile(text, "a", ""), None, "{text}");
            let values = [("timeout", quoted("9s"))];
            assert_eq!(with_values(text, "a", &values), None, "{text}");
        }
        let inline = "profiles = { a = { timeout = \"1s\" } }\n";
        assert_eq!(with_profile(inline, "b", ""), None);
    }

    #[test]
    fn a_file_that_init_made_is_marked() {
        let text = format!(
            "[profiles.a]\nclient_secret_file = \"a.x\"{}\nprivate_key_path = \"a.y\"\n",
            mark(Path::new("/folder/c.toml"))
        );
        let is_made = |config, name, key| is_made(&text, Path::new(config), name, key);
        assert!(is_made("c.toml", "a", "client_secret_file"));
        assert!(!is_made("c.toml", "a", "private_key_path"));
        assert!(!is_made("c.toml", "a", "password_file"));
        assert!(!is_made("c.toml", "b", "client_secret_file"));
        assert!(!is_made("copy.toml", "a", "client_secret_file"));
        assert!(!is_made("c.toml.toml", "a", "client_secret_file"));
    }

    #[test]
    fn a_mark_without_a_name_counts_in_the_file_of_the_usual_name_alone() {
        let text = format!("[profiles.a]\npassword_file = \"a.password\"{MADE}\n");
        for (config, expected) in [("config.toml", true), ("copy.toml", false)] {
            let found = is_made(&text, Path::new(config), "a", "password_file");
            assert_eq!(found, expected, "{config}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_again(text in any::<String>()) {
            let table: Table = format!("a = {}", quoted(&text)).parse().unwrap();
            prop_assert_eq!(table["a"].as_str(), Some(text.as_str()));
        }
    }
}
