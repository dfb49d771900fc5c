//! Messages for the operator, on standard error: a line of text each, or with `serve --log-format json` an object.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Set by the command alone, for the whole process.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// The form of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// Sets the form of all messages of this process.
pub(crate) fn set_format(format: Format) {
    IS_JSON.store(format == Format::Json, Ordering::Relaxed);
}

/// Reports an event.
pub(crate) fn info(message: &dyn Display) {
    eprintln!("{}", line("info", message, &[]));
}

/// Reports something that the operator should act on.
pub(crate) fn warning(message: &dyn Display) {
    eprintln!("{}", line("warning", message, &[]));
}

/// Reports an error.
pub(crate) fn error(message: &dyn Display) {
    eprintln!("{}", line("error", message, &[]));
}

/// A message with fields, as one line.
pub(crate) fn line(level: &str, message: &dyn Display, fields: &[(&str, Value)]) -> String {
    if IS_JSON.load(Ordering::Relaxed) {
        json(level, message, fields)
    } else {
        text(level, message, fields)
    }
}

fn text(level: &str, message: &dyn Display, fields: &[(&str, Value)]) -> String {
    let prefix = if level == "warning" { "WARNING: " } else { "" };
    let mut line = format!("helvetisafe-server: {prefix}{message}");
    for (name, value) in fields {
        // Numbers and quoted texts, as logfmt has them.
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

fn json(level: &str, message: &dyn Display, fields: &[(&str, Value)]) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), Timestamp::now().to_string().into());
    object.insert("level".to_owned(), level.into());
    object.insert(
        "message".to_owned(),
        fmt::format(format_args!("{message}")).into(),
    );
    for (name, value) in fields {
        object.insert((*name).to_owned(), value.clone());
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_in_both_forms() {
        let fields = [("status", 200.into()), ("client", "a \"b\"\n".into())];
        assert_eq!(
            text("info", &"access", &fields),
            r#"helvetisafe-server: access status=200 client="a \"b\"\n""#
        );
        assert_eq!(
            text("warning", &"soon", &[]),
            "helvetisafe-server: WARNING: soon"
        );
        let object: Value = serde_json::from_str(&json("info", &"two\nlines", &fields)).unwrap();
        assert_eq!(object["message"], "two\nlines");
        assert_eq!(object["level"], "info");
        assert_eq!(object["status"], 200);
        assert!(
            object["time"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .is_ok()
        );
    }
}
