use std::fmt::Display;

/// Returns a number with its noun, such as `1 row` or `3 rows`.
pub(crate) fn counted(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let texts = [0, 1, 2].map(|number| counted(number, "row"));
        assert_eq!(texts, ["0 rows", "1 row", "2 rows"]);
    }
}
