//! The value of a key of a profile: the types of TOML that each kind of setting has.

use std::path::is_separator;

use toml::Value;

use super::Profile;
use crate::failure::Failure;
use crate::settings::entry::{NOT_A_PATH, RawValue, is_path};
use crate::settings::failover::words;
use crate::settings::spec::{Setting, SettingSpec, ValueKind};

impl Profile {
    /// Returns the value of a key; `None` if it is empty, which counts as unset, as an empty variable does.
    pub(super) fn value(
        &self,
        spec: &SettingSpec,
        key: &'static str,
        value: &Value,
    ) -> Result<Option<RawValue>, Failure> {
        let value = match (spec.kind, value) {
            (ValueKind::Text | ValueKind::List | ValueKind::Path, Value::String(text))
                if text.is_empty() =>
            {
                return Ok(None);
            }
            (ValueKind::List, Value::Array(items)) if items.is_empty() => return Ok(None),
            (ValueKind::Text | ValueKind::List, Value::String(text)) => {
                RawValue::Text(text.clone())
            }
            (ValueKind::List, value) => RawValue::Text(self.list(key, value)?),
            (ValueKind::Switch, Value::Boolean(value)) => RawValue::Text(value.to_string()),
            (ValueKind::Switch, _) => {
                let why = "is neither true nor false; write one of them, without quotes";
                return Err(self.refused(key, why));
            }
            (ValueKind::Path, Value::String(path)) if is_path(path) => {
                RawValue::Path(self.path(path))
            }
            (ValueKind::Path, Value::String(_)) => return Err(self.refused(key, NOT_A_PATH)),
            (ValueKind::Command, value) => RawValue::Command(self.command(key, value)?),
            (_, value) => return Err(self.refused(key, &not_a_text(spec.setting, value))),
        };
        Ok(Some(value))
    }

    /// Returns the items of a list as the text that flags and variables have.
    fn list(&self, key: &str, value: &Value) -> Result<String, Failure> {
        // A text with several words would be several items.
        let item = |item: &Value| {
            let text = item.as_str()?;
            words(text).eq([text]).then(|| text.to_owned())
        };
        let items = value.as_array();
        let items = items.and_then(|it| it.iter().map(item).collect::<Option<Vec<_>>>());
        items.map(|items| items.join(" ")).ok_or_else(|| {
            let why = "is neither a text nor a list of texts with one item each; write it like [\"one\", \"two\"]";
            self.refused(key, why)
        })
    }

    fn command(&self, key: &str, value: &Value) -> Result<Vec<String>, Failure> {
        let words = value.as_array().and_then(|argv| {
            let words = argv.iter().map(|word| word.as_str().map(str::to_owned));
            words.collect::<Option<Vec<String>>>()
        });
        let mut argv = words.filter(|argv| !argv.is_empty()).ok_or_else(|| {
            let why = "is not a list of words; no shell is run, so write it like [\"pass\", \"show\", \"x\"]";
            self.refused(key, why)
        })?;
        // As in a shell, a name without a slash is searched in `PATH`.
        if let Some(program) = argv.first_mut().filter(|it| it.contains(is_separator)) {
            *program = self.path(program).display().to_string();
        }
        Ok(argv)
    }
}

/// Explains the refusal of a value for a setting that is one text.
fn not_a_text(setting: Setting, value: &Value) -> String {
    let command = setting.profile_key(ValueKind::Command);
    match (value, command) {
        (Value::Array(_), Some(command)) => {
            format!(
                "is a list; write one text in quotes, or {command} for a program that prints the secret"
            )
        }
        (Value::Array(_), None) => "is a list; write one text in quotes".to_owned(),
        _ if setting == Setting::Timeout => {
            "is not a time in quotes; write it like \"10s\"".to_owned()
        }
        _ => "is not a text; put it in quotes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::config_file::ConfigFile;
    use crate::settings::spec::SPECS;

    /// Returns the value of the one setting of a profile, or the message of its refusal without the name of the profile.
    fn read(line: &str) -> Result<Option<String>, String> {
        let file = Path::new("/folder/c.toml").to_owned();
        let config = ConfigFile::for_test(file, &format!("[profiles.p]\n{line}\n"));
        let profile = Profile::find(&config, "p", None).unwrap();
        let mut entries = SPECS.iter().map(|spec| profile.entry(spec));
        let entry = entries.find_map(Result::transpose).transpose();
        match entry {
            Ok(entry) => Ok(entry.map(|entry| match entry.value {
                RawValue::Text(text) => text,
                RawValue::Path(path) => path.display().to_string(),
                RawValue::Command(argv) => argv.join("|"),
                RawValue::Secret(_) => unreachable!("a profile has no secret"),
            })),
            Err(failure) => {
                let message = failure.message().unwrap_or_default();
                let why = message.split_once(" of /folder/c.toml ").unwrap().1;
                Err(why.to_owned())
            }
        }
    }

    #[test]
    fn a_list_is_a_text_or_a_list_of_texts() {
        for (line, expected) in [
            (
                "failover_urls = \"https://a https://b\"",
                Some("https://a https://b"),
            ),
            (
                "failover_urls = [\"https://a\", \"https://b\"]",
                Some("https://a https://b"),
            ),
            (
                "failover_urls = [\n  \"https://a\", # the other node\n]",
                Some("https://a"),
            ),
            (
                "scopes = [\"secrets:read\", \"credentials:read\"]",
                Some("secrets:read credentials:read"),
            ),
            ("failover_urls = []", None),
            ("failover_urls = \"\"", None),
            (
                "client_secret_command = [\"./bin/x\", \"y\"]",
                Some("/folder/./bin/x|y"),
            ),
            ("keep_token = true", Some("true")),
        ] {
            assert_eq!(read(line), Ok(expected.map(str::to_owned)), "{line}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_what_to_write() {
        let list = "is neither a text nor a list of texts";
        let text = "is not a text; put it in quotes";
        for (line, expected) in [
            ("failover_urls = 5", list),
            ("failover_urls = true", list),
            ("failover_urls = [5]", list),
            ("failover_urls = [\"https://a, https://b\"]", list),
            ("failover_urls = [\"\"]", list),
            ("failover_urls = [[\"https://a\"]]", list),
            ("scopes = { a = \"b\" }", list),
            ("base_url = 5", text),
            ("client_id = 0x1F", text),
            ("allow_plain_http = true", text),
            (
                "base_url = [\"https://a\"]",
                "is a list; write one text in quotes",
            ),
            (
                "timeout = 30",
                "is not a time in quotes; write it like \"10s\"",
            ),
            (
                "client_secret_file = [\"pass\", \"show\"]",
                "or client_secret_command for a program",
            ),
            ("client_secret_file = 5", text),
            (
                "client_secret_command = \"pass show\"",
                "is not a list of words",
            ),
            ("client_secret_command = []", "is not a list of words"),
            ("keep_token = \"true\"", "is neither true nor false"),
            ("keep_token = 1", "is neither true nor false"),
        ] {
            let refused = read(line).unwrap_err();
            assert!(refused.contains(expected), "{line}: {refused}");
        }
    }
}
