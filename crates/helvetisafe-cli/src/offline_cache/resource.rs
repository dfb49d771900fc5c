//! The responses that are cached, named by the ends of their paths.

/// The prefix of every path after the base URL.
const PREFIX: &str = "/api/v1/";
/// The list of all names. A secret is this, a slash and its key.
pub(crate) const LIST: &str = "secrets";
pub(crate) const ORG_KEY: &str = "credentials/org-key";
const PRIVATE_KEY: &str = "credentials/private-key";
/// The entry with the resumption ticket of the next client. It has no path.
pub(super) const TICKET: &str = "ticket";

/// Returns the resource of a path, such as `secrets/KEY`; `None` if it is not cached.
pub(crate) fn of_path(path: &str) -> Option<&str> {
    let (_, resource) = path.rsplit_once(PREFIX)?;
    (is_secret(resource) || [LIST, ORG_KEY, PRIVATE_KEY].contains(&resource)).then_some(resource)
}

/// Returns true if a resource is a secret or the list, rather than a key.
pub(crate) fn is_data(resource: &str) -> bool {
    resource == LIST || is_secret(resource)
}

/// Returns true if a resource is `secrets/KEY`.
pub(super) fn is_secret(resource: &str) -> bool {
    secret_name(resource).is_some()
}

/// Returns the `KEY` of `secrets/KEY`.
pub(super) fn secret_name(resource: &str) -> Option<&str> {
    let rest = resource.strip_prefix(LIST);
    let name = rest.and_then(|rest| rest.strip_prefix('/'));
    name.filter(|name| !name.contains('/') && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_client_reads_is_cached() {
        for (path, resource) in [
            ("/api/v1/secrets", Some("secrets")),
            ("/base/api/v1/secrets/KEY", Some("secrets/KEY")),
            (
                "/api/v1/credentials/private-key",
                Some("credentials/private-key"),
            ),
            ("/api/v1/secrets/", None),
            ("/api/v1/secrets/a/b", None),
            ("/api/v1/credentials/other", None),
            ("/api/v1/ticket", None),
            ("/oauth/token", None),
        ] {
            assert_eq!(of_path(path), resource, "{path}");
        }
    }
}
