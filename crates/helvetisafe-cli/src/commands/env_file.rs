//! One file of lines `NAME=value`, as the service's Kubernetes package writes them: plain for its `inject`,
//! quoted for its `sync`.
//!
//! Plain values have a line feed as the two characters `\n`, and nothing else is escaped. Quoted values have
//! escapes for line feeds, backslashes and double quotes.

use clap::ValueEnum;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::commands::export::text::{buffer, push_replacing};
use crate::commands::selection::{SelectionArgs, Variable, refuse};
use crate::failure::Failure;
use crate::ui::messages::Messages;

/// The form of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// NAME=value.
    Plain,
    /// NAME="value".
    Quoted,
}

/// Returns the text of the file.
pub(super) fn text(
    form: Form,
    variables: &[Variable],
    selection: &SelectionArgs,
    messages: Messages,
) -> Result<Zeroizing<String>, Failure> {
    refuse(variables, messages, |variable| {
        match refusal(&variable.name, variable.value.expose_secret()) {
            Some(reason) => Some(format!("{} {reason}", variable.described())),
            None => selection.danger(variable),
        }
    })?;
    let mut text = buffer(variables);
    for variable in variables {
        line(
            form,
            &mut text,
            &variable.name,
            variable.value.expose_secret(),
        );
    }
    Ok(text)
}

fn line(form: Form, out: &mut String, name: &str, value: &str) {
    out.extend([name, "="]);
    match form {
        Form::Plain => push_replacing(out, value, |c| (c == '\n').then_some("\\n")),
        Form::Quoted => {
            out.push('"');
            push_replacing(out, value, |c| match c {
                '\n' => Some("\\n"),
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                _ => None,
            });
            out.push('"');
        }
    }
    out.push('\n');
}

/// Returns the reason if a line cannot have a variable: readers would find another name in it, or none.
fn refusal(name: &str, value: &str) -> Option<&'static str> {
    let is_special = |c: char| c.is_control() || c.is_whitespace() || "=#'\"`\\$".contains(c);
    if name.is_empty() || name.contains(is_special) {
        Some(
            "cannot be a name in an env file: it must not be empty or contain white space, control \
             characters, quotes, `=`, `#`, `$` or a backslash; name it with --env NAME=KEY or \
             NAME=KEY.FIELD",
        )
    } else if value.contains('\0') {
        Some("contains NUL, which no environment can hold; write it with --output-dir")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_the_published_package() {
        for (value, plain, quoted) in [
            ("", "A=\n", "A=\"\"\n"),
            ("x y # $z", "A=x y # $z\n", "A=\"x y # $z\"\n"),
            (
                "two\nlines\n",
                "A=two\\nlines\\n\n",
                "A=\"two\\nlines\\n\"\n",
            ),
            (
                "\"it's\" \\n",
                "A=\"it's\" \\n\n",
                "A=\"\\\"it's\\\" \\\\n\"\n",
            ),
            ("a\r\n\tb", "A=a\r\\n\tb\n", "A=\"a\r\\n\tb\"\n"),
        ] {
            for (form, wanted) in [(Form::Plain, plain), (Form::Quoted, quoted)] {
                let mut out = String::new();
                line(form, &mut out, "A", value);
                assert_eq!(out, wanted, "{value:?}");
            }
        }
    }

    #[test]
    fn a_name_stays_one_name() {
        for name in ["A", "tls.crt", "my-key", "é"] {
            assert_eq!(refusal(name, ""), None, "{name}");
        }
        for name in [
            "", "A=B", "A\nB", "A B", "#A", "A\u{85}", "\u{2028}", "'A'", "$A",
        ] {
            assert!(refusal(name, "").is_some(), "{name}");
        }
        assert!(refusal("A", "\0").is_some());
    }
}
