//! A .env file, in the part of its many dialects on which all readers agree.
//!
//! The readers are bash and other POSIX shells, node's `--env-file`, the package `dotenv` of npm,
//! python-dotenv, docker compose and the crate dotenvy. They agree on little:
//!
//! - Between single quotes everything is literal, except single quotes themselves; a backslash before the
//!   closing quote, which escapes it for most; two backslashes, which are one for python-dotenv; and `${`,
//!   which starts a variable for python-dotenv in any quotes.
//! - Between double quotes text is literal if it has none of `"`, `\`, `$` and back-ticks: `\"` ends the value for
//!   node, back-ticks and `$` are substituted by shells, and each reader has other escapes.
//! - Line ends within quotes are not read by older versions of node. Some readers drop control characters.
//!
//! So a value is written between single quotes, or between double quotes if it has a single quote and none
//! of the four. All other values are refused.

use super::shell::reserved;

pub(super) fn refusal(name: &str, value: &str) -> Option<&'static str> {
    if reserved::by_any_shell(name) {
        Some("is reserved by shells; give it another name with --exclude KEY --env NAME=KEY")
    } else if value.contains(is_control) {
        Some(
            "contains a line end or another control character, on which readers of .env files disagree; \
             use json or shell, or encode it, for example with base64",
        )
    } else if value.contains("${") {
        Some(
            "contains `${`, which some readers of .env files treat as a variable; use json or shell",
        )
    } else if value.contains('\'') && value.contains(['"', '\\', '$', '`']) {
        Some(
            "contains a single quote together with a double quote, a backslash, a `$` or a back-tick, on which \
             readers of .env files disagree; use json or shell",
        )
    } else if value.contains("\\\\") || value.ends_with('\\') {
        Some(
            "contains two backslashes in a row, or ends with one, on which readers of .env files \
             disagree; use json or shell",
        )
    } else {
        None
    }
}

/// Returns true if a character is a control character or a line end of Unicode.
fn is_control(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    let quote = if value.contains('\'') { "\"" } else { "'" };
    out.extend([name, "=", quote, value, quote, "\n"]);
}

#[cfg(test)]
mod tests;
