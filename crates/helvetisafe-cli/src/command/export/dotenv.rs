//! A .env file, in the part of its many dialects that all readers read alike.
//!
//! The readers are bash and other POSIX shells, node's `--env-file`, the package `dotenv` of npm,
//! python-dotenv, docker compose and the crate dotenvy. What they agree on is small:
//!
//! - Between single quotes all is literal, but for single quotes themselves; a backslash before the
//!   closing quote, which escapes it for most; two backslashes, which are one for python-dotenv; and
//!   `${`, which begins a variable for python-dotenv in any quotes.
//! - Between double quotes text is literal where it has none of `"`, `\`, `$` and back-ticks: `\"` ends the value for
//!   node, back-ticks and `$` are substituted by shells, and each reader has other escapes.
//! - Line ends within quotes are not read by older versions of node; control characters are not kept by all.
//!
//! So a value is written between single quotes, or between double quotes where it has a single quote
//! and none of the four; the rest is refused.

use super::shell::reserved;

pub(super) fn refusal(name: &str, value: &str) -> Option<&'static str> {
    if reserved::by_any_shell(name) {
        Some("is a variable that shells keep for themselves; name it otherwise with --env NAME=KEY")
    } else if value.contains(is_control) {
        Some(
            "holds a line end or another control character, which readers of .env files disagree on; \
             use json or shell, or encode it, for example with base64",
        )
    } else if value.contains("${") {
        Some("holds `${`, which some readers of .env files take for a variable; use json or shell")
    } else if value.contains('\'') && value.contains(['"', '\\', '$', '`']) {
        Some(
            "holds a single quote beside a double quote, a backslash, a `$` or a back-tick, which \
             readers of .env files disagree on; use json or shell",
        )
    } else if value.contains("\\\\") || value.ends_with('\\') {
        Some(
            "holds two backslashes in a row, or ends with one, which readers of .env files disagree \
             on; use json or shell",
        )
    } else {
        None
    }
}

/// Control characters, and the line ends that Unicode has beyond them.
fn is_control(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

pub(super) fn line(out: &mut String, name: &str, value: &str) {
    let quote = if value.contains('\'') { '"' } else { '\'' };
    out.push_str(name);
    out.push('=');
    out.push(quote);
    out.push_str(value);
    out.push(quote);
    out.push('\n');
}

#[cfg(test)]
mod tests;
