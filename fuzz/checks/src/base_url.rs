use helvetisafe_proto::endpoint::GetOrgKey;
use helvetisafe_proto::{BaseUrl, Endpoint};

/// Checks that every accepted base URL leads to that vault, over HTTPS or loopback, or to the one host that may have
/// plain HTTP.
pub fn base_url(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(base) = BaseUrl::parse_with_plain_http(text, "v.svc") {
        let is_named = base.host().eq_ignore_ascii_case("v.svc");
        assert!(
            base.is_https() || base.is_loopback() || is_named,
            "{text:?}"
        );
    }
    let base = match BaseUrl::parse(text) {
        Ok(base) => base,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let shown = base.to_string();
    assert_eq!(BaseUrl::parse(&shown).as_ref(), Ok(&base), "{shown:?}");
    assert!(!shown.contains(['?', '#', ' ']) && !shown.contains(char::is_control));
    assert!(shown.starts_with("https://") || base.is_loopback());

    let request = GetOrgKey.request(&base);
    let uri = request.uri();
    assert_eq!(
        uri.to_string(),
        format!("{shown}/api/v1/credentials/org-key")
    );
    assert_eq!(uri.host(), Some(base.host()));
    assert!(!uri.authority().unwrap().as_str().contains('@'));
    assert_eq!(uri.query(), None);
}
