//! The syntax error in a text that is not TOML, without the text, which may hold a secret.

/// A syntax error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake<'a> {
    /// The number of its line, from 1.
    pub(crate) line: usize,
    /// The repeated key or table, if the error is a repetition.
    pub(crate) repeated: Option<&'a str>,
}

impl<'a> Mistake<'a> {
    pub(crate) fn of(text: &'a str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        let before = text.bytes().take(span.start);
        let is_repeated = error.message().starts_with("duplicate key");
        Self {
            line: before.filter(|&byte| byte == b'\n').count() + 1,
            repeated: text.get(span).filter(|_| is_repeated),
        }
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::Mistake;

    #[test]
    fn a_repeated_key_or_table_is_named() {
        for (text, line, repeated) in [
            ("A = 1\nB = 1\nA = 2\n", 3, Some("A")),
            ("[a]\nX = 1\n[b]\n[a]\n", 4, Some("a")),
            ("[t]\nX = { y = 1, y = 2 }\n", 2, Some("y")),
            ("\n[t\n", 2, None),
            ("A = 'secret\n", 1, None),
        ] {
            let error = text.parse::<Table>().unwrap_err();
            assert_eq!(Mistake::of(text, &error), Mistake { line, repeated });
        }
    }
}
