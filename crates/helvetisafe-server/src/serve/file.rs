//! The configuration file: TOML whose members are the settings.

use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::setting::{Given, Kind, Origin, Setting};
use super::unknown;
use crate::problem::Problem;

/// Reads the settings of a file, and everything that is wrong with it.
pub(super) fn read(path: &Path) -> (Vec<Given>, Vec<Problem>) {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) => {
            let subject = format!("configuration file {}", path.display());
            let problem = format_args!("cannot be read: {error}");
            let remedy = "check the path of --config and the file's permissions";
            (Vec::new(), vec![Problem::new(subject, problem, remedy)])
        }
    }
}

fn parse(path: &Path, text: &str) -> (Vec<Given>, Vec<Problem>) {
    let line_at = |position: usize| {
        let before = text.get(..position).unwrap_or(text);
        before.matches('\n').count() + 1
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let line = line_at(error.span().map_or(0, |span| span.start));
            let subject = Origin::Line(path.to_owned(), line);
            let remedy = "write TOML: NAME = \"VALUE\", one setting a line";
            return (
                Vec::new(),
                vec![Problem::new(subject, error.message(), remedy)],
            );
        }
    };
    let (mut given, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in table {
        let origin = Origin::Line(path.to_owned(), line_at(name.span().start));
        match setting(name.get_ref(), &value) {
            Ok((setting, values)) => given.push(setting.given(values, origin)),
            Err((problem, remedy)) => {
                let subject = format!("{origin}: {}", name.get_ref());
                problems.push(Problem::new(subject, problem, remedy));
            }
        }
    }
    (given, problems)
}

/// Returns the setting with its values as texts, or the problem and the remedy.
fn setting(
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Result<(&'static Setting, Vec<String>), (String, String)> {
    let Some(setting) = Setting::named(name) else {
        return Err(unknown::remedy(name, |setting| setting.name));
    };
    let values = match (setting.kind, value.get_ref()) {
        (Kind::List, DeValue::Array(values)) => {
            values.iter().map(|value| text(value.get_ref())).collect()
        }
        (_, value) => text(value).map(|text| vec![text]),
    };
    let form = match setting.kind {
        Kind::Value => "write a text in quotes, or a number",
        Kind::List => "write a list of texts, such as [\"10.0.0.0/8\"]",
        Kind::Switch => "write true or false",
    };
    let values =
        values.ok_or_else(|| ("has a value of the wrong type".to_owned(), form.to_owned()))?;
    Ok((setting, values))
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
        let (_, problems) = parse(Path::new("server.toml"), text);
        problems.iter().map(Problem::to_string).collect()
    }

    #[test]
    fn settings_are_read_with_their_lines() {
        let text = "# a vault\nlisten = \"[::1]:1\"\n\nmax-connections = 9\nno-migrate = true\n\
                    trusted-proxy = [\"10.0.0.0/8\", \"::1\"]\n";
        let (given, problems) = parse(Path::new("server.toml"), text);
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
