//! The file that `helvetisafe-vault-k8s sync --output` writes: lines `KEY="value"`.

use std::path::Path;

use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::commands::selection::Variable;
use crate::failure::Failure;
use crate::fs::Access;
use crate::ui::messages::Messages;
use crate::ui::output_file;

pub(super) fn write(
    path: &Path,
    variables: &[Variable],
    access: Access,
    messages: Messages,
) -> Result<(), Failure> {
    output_file::write(path, text(variables).as_bytes(), access, messages)
}

fn text(variables: &[Variable]) -> Zeroizing<String> {
    let sizes = variables
        .iter()
        .map(|it| it.name.len() + 2 * it.value.expose_secret().len() + 4);
    // Enough room, so that no copy stays behind.
    let mut text = Zeroizing::new(String::with_capacity(sizes.sum()));
    for Variable { name, value, .. } in variables {
        text.push_str(name);
        text.push_str("=\"");
        for c in value.expose_secret().chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push_str("\"\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backslashes_quotes_and_line_feeds_are_escaped() {
        let variables = [
            Variable::new("A", "back\\slash \"q\"\nnext\r"),
            Variable::new("B", ""),
        ];
        let text = text(&variables);
        assert_eq!(*text, "A=\"back\\\\slash \\\"q\\\"\\nnext\r\"\nB=\"\"\n");
    }
}
