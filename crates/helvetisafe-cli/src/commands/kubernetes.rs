//! The rules of Kubernetes for the names and the size of a Secret, for `export` and `sync`.

/// The limit of all values together, in bytes: `MaxSecretSize` of Kubernetes.
pub(super) const LARGEST: usize = 1024 * 1024;

pub(super) const TOO_LARGE: &str =
    "the values have more than the 1 MiB that a Secret can hold; select fewer";

/// Returns the reason if a name is not a key of a Secret: `IsConfigMapKey` of Kubernetes.
pub(super) fn key_refusal(name: &str) -> Option<&'static str> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_key = (1..=253).contains(&name.len())
        && name.bytes().all(is_allowed)
        && name != "."
        && !name.starts_with("..");
    (!is_key).then_some(
        "cannot be a key of a Secret, which has 1 to 253 letters, digits, `-`, `_` and `.`; name \
         it with --env NAME=KEY.FIELD",
    )
}

/// Returns the reason if this is not the name of a Secret. Checks RFC 1123 as Kubernetes does: labels
/// between dots, 253 characters at most.
pub(super) fn name_refusal(name: &str) -> Option<&'static str> {
    let is_subdomain = name.len() <= 253 && name.split('.').all(is_plain);
    (!is_subdomain).then_some(
        "is not the name of a Secret, which has small letters, digits, `-` and `.`, and begins and ends \
         with a letter or a digit",
    )
}

/// Returns the reason if this is not the name of a namespace.
pub(super) fn namespace_refusal(name: &str) -> Option<&'static str> {
    let is_label = name.len() <= 63 && is_plain(name);
    (!is_label).then_some(
        "is not the name of a namespace, which has at most 63 small letters, digits and `-`, and begins \
         and ends with a letter or a digit",
    )
}

fn is_plain(label: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !label.is_empty()
        && label.bytes().all(is_allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_kubernetes() {
        for key in ["A", "tls.crt", "a-b_c", "1", ".a"] {
            assert_eq!(key_refusal(key), None, "{key}");
        }
        for key in ["", ".", "..", "..a", "a b", "a/b", "é", "a\n", "a\""] {
            assert!(key_refusal(key).is_some(), "{key}");
        }
        assert!(key_refusal(&"a".repeat(254)).is_some());
    }

    #[test]
    fn names_are_those_of_rfc_1123() {
        for name in ["a", "app-1", "app.prod", "1"] {
            assert_eq!(name_refusal(name), None, "{name}");
        }
        for name in ["", "A", "-a", "a-", "a..b", ".a", "a_b", "a\nb", "a\""] {
            assert!(name_refusal(name).is_some(), "{name}");
        }
        assert_eq!(namespace_refusal("prod"), None);
        assert!(namespace_refusal("a.b").is_some());
        assert!(namespace_refusal(&"a".repeat(64)).is_some());
    }
}
