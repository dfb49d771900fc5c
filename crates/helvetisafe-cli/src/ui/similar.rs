//! "Did you mean": the name that is most similar to another.

/// The least similarity of two names, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.85;

/// Returns the name that is most similar to `wanted`, ignoring case. It is never `wanted` itself, which
/// may have been created since the failure.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lowercase = wanted.to_ascii_lowercase();
    let similarity = |name: &str| strsim::jaro_winkler(&lowercase, &name.to_ascii_lowercase());
    names
        .filter(|&name| name != wanted)
        .map(|name| (similarity(name), name))
        .filter(|&(similarity, _)| similarity >= MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typing_error_finds_its_name() {
        let names = ["DB_PASSWORD", "DB_HOST", "API_KEY"];
        for (wanted, found) in [
            ("DB_PASWORD", Some("DB_PASSWORD")),
            ("db_host", Some("DB_HOST")),
            ("API_KEY", None),
            ("API_KEYS", Some("API_KEY")),
            ("UNLIKE", None),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), found, "{wanted}");
        }
    }
}
