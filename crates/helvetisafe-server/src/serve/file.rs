//! The configuration file: TOML whose members are the settings.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::setting::{Given, Kind, Origin, Setting};
use super::unknown;
use crate::folder::missing_folder_of;
use crate::problem::Problem;

/// Reads the settings of a file, and everything that is wrong with them. A setting with a wrong value has no values.
///
/// # Errors
///
/// The problem with a file whose settings cannot be read at all.
pub(super) fn read(path: &Path) -> Result<(Vec<Given>, Vec<Problem>), Problem> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    parse(path, &text)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let subject = format!("configuration file {}", path.display());
    if let Some(folder) = missing_folder_of(path) {
        let problem = format_args!("its folder {} does not exist", folder.display());
        return Problem::new(subject, problem, "correct the path of --config");
    }
    if error.kind() == ErrorKind::NotFound {
        return Problem::new(subject, "does not exist", "correct the path of --config");
    }
    let problem = format_args!("cannot be read: {error}");
    let remedy = "check that it is a text file, and its permissions";
    Problem::new(subject, problem, remedy)
}

fn parse(path: &Path, text: &str) -> Result<(Vec<Given>, Vec<Problem>), Problem> {
    let line_at = |position: usize| {
        let before = text.get(..position).unwrap_or(text);
        before.matches('\n').count() + 1
    };
    let table = DeTable::parse(text).map_err(|error| {
        let line = line_at(error.span().map_or(0, |span| span.start));
        let subject = Origin::Line(path.to_owned(), line);
        let remedy = "write TOML: NAME = \"VALUE\", one setting a line";
        Problem::new(subject, error.message(), remedy)
    })?;
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in table.into_inner() {
        let origin = Origin::Line(path.to_owned(), line_at(name.span().start));
        let name = name.get_ref();
        let subject = format!("{origin}: {name}");
        let Some(setting) = Setting::named(name) else {
            let (problem, remedy) = unknown::remedy(name, |setting| setting.name);
            problems.push(Problem::new(subject, problem, remedy));
            continue;
        };
        let values = values(setting.kind, &value);
        if values.is_none() {
            let problem = "has a value of the wrong type";
            problems.push(Problem::new(subject, problem, form(setting.kind)));
        }
        given.push(setting.given(values.unwrap_or_default(), origin));
    }
    Ok((given, problems))
}

/// Returns the values as texts; `None` if one is of the wrong type.
fn values(kind: Kind, value: &Spanned<DeValue<'_>>) -> Option<Vec<String>> {
    match (kind, value.get_ref()) {
        (Kind::List, DeValue::Array(values)) => {
            values.iter().map(|value| text(value.get_ref())).collect()
        }
        (_, value) => text(value).map(|text| vec![text]),
    }
}

fn form(kind: Kind) -> &'static str {
    match kind {
        Kind::Value => "write a text in quotes, or a number",
        Kind::List => "write a list of texts, such as [\"10.0.0.0/8\"]",
        Kind::Switch => "write true or false",
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let parsed = parse(Path::new("server.toml"), text);
        let problems = parsed.map_or_else(|problem| vec![problem], |(_, problems)| problems);
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn settings_are_read_with_their_lines() {
        let text = "# a vault\nlisten = \"[::1]:1\"\n\nmax-connections = 9\nno-migrate = true\n\
                    trusted-proxy = [\"10.0.0.0/8\", \"::1\"]\n";
        let (given, problems) = parse(Path::new("server.toml"), text).ok().unwrap();
        assert_eq!(problems, Vec::new());
        let mut found: Vec<_> = given
            .iter()
            .map(|it| (it.subject(), it.values.join(" ")))
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                ("server.toml, line 2: listen", "[::1]:1"),
                ("server.toml, line 4: max-connections", "9"),
                ("server.toml, line 5: no-migrate", "true"),
                ("server.toml, line 6: trusted-proxy", "10.0.0.0/8 ::1"),
            ]
            .map(|(subject, value)| (subject.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn every_fault_has_its_line_and_a_remedy() {
        let found = messages("\nlisten = 1.5\nport = 1\ntls-cert = [\"a\"]\n").join("\n");
        for part in [
            "server.toml, line 2: listen: has a value of the wrong type; write a text",
            "server.toml, line 3: port: is not a setting; the settings are database, listen,",
            "server.toml, line 4: tls-cert: has a value of the wrong type",
        ] {
            assert!(found.contains(part), "{found}");
        }
        let found = messages("listen = \"a\"\nlisten = \"b\"\n").join("\n");
        assert!(found.starts_with("server.toml, line 2: "), "{found}");
        assert!(
            messages("listen = ")
                .join("\n")
                .starts_with("server.toml, line 1: ")
        );
    }
}
