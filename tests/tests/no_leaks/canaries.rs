//! A canary in place of every secret, and a search for all of them in every form of text.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use helvetisafe_test_support::Search;

/// Has a quote, a backslash and more, so that its escaped form differs.
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret-\"\\ü%+&= Oowah5phu3Ehoh";
pub(crate) const API_TOKEN: &str = "canary-api-token-\"\\%+&=~Eixohh9eeJ4aeDoo7Zee";
pub(crate) const ACCESS_TOKEN: &str = "canary-access-token-\"\\%+&=~Quah0aeF4aephie9oo";
pub(crate) const PASSWORD: &str = "canary-password-\"\\ü%+&=\tiequ0ooRaeng8Ahth";
pub(crate) const VALUE: &str = "canary-value-\"\\ü%+&=\naeBo5Ohk7ohmuTh9ieGh";
pub(crate) const FIELD: &str = "canary-field-\"\\ü%+&=\neiH7Aeghoo4aiVoo0eiP";
pub(crate) const ORG_KEY: &[u8; 32] = b"canary-org-key-aiM7eeyoo5aeLah6X";
pub(crate) const PEM: &str =
    include_str!("../../../crates/helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");

static SEARCH: LazyLock<Search> = LazyLock::new(|| {
    let texts = [
        ("the client secret", CLIENT_SECRET),
        ("the API token", API_TOKEN),
        ("the access token", ACCESS_TOKEN),
        ("the password", PASSWORD),
        ("the value", VALUE),
        ("the field", FIELD),
    ];
    let search = texts
        .into_iter()
        .fold(Search::default(), |search, (name, text)| {
            with_forms(search, name, text.as_bytes())
        });
    // The first lines of the PEM hold the modulus, which is public.
    let lines = PEM.lines().skip(8).filter(|line| line.len() == 64);
    let search = with_forms(search, "the org key", ORG_KEY);
    lines.fold(search, |search, line| {
        search.with("the PEM", line.as_bytes())
    })
});

/// The forms of text. [`Search`] itself has those of memory and files.
fn with_forms(search: Search, name: &str, secret: &[u8]) -> Search {
    let text = String::from_utf8_lossy(secret);
    let percent = |is_plain: fn(u8) -> bool| -> String {
        let encode = |&byte: &u8| match byte {
            byte if is_plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        secret.iter().map(encode).collect()
    };
    let numbers: Vec<_> = secret.iter().map(u8::to_string).collect();
    let json = serde_json::to_string(&text).unwrap();
    let forms = [
        (
            "percent-encoded",
            percent(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
        ),
        (
            "as a form",
            percent(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte))
                .replace("%20", "+"),
        ),
        ("for debugging", text.escape_debug().to_string()),
        ("escaped", text.escape_default().to_string()),
        ("as bytes", secret.escape_ascii().to_string()),
        ("in JSON", json.trim_matches('"').to_owned()),
        ("in numbers", numbers.join(",")),
    ];
    let search = search.with(name, secret);
    forms.into_iter().fold(search, |search, (form, text)| {
        search.with(&format!("{name} {form}"), text.as_bytes())
    })
}

/// Returns the canaries in `text`, even if it is broken into rows of a dump or of a pretty list.
pub(crate) fn found(text: &str) -> BTreeSet<String> {
    let without_space: String = text.split_whitespace().collect();
    let found = SEARCH.find(text.as_bytes());
    let joined = SEARCH.find(without_space.as_bytes());
    found.into_iter().chain(joined).map(str::to_owned).collect()
}

/// Fails if `text` contains a canary.
pub(crate) fn assert_none(what: &str, text: &str) {
    let found = found(text);
    assert!(found.is_empty(), "{what} shows {found:?}:\n{text}");
}

#[test]
fn every_form_of_a_canary_is_found() {
    let bytes = VALUE.as_bytes();
    for shown in [
        VALUE.to_owned(),
        format!("{VALUE:?}"),
        format!("{bytes:?}"),
        format!("{bytes:#?}"),
        format!(
            "{:?}",
            http::HeaderValue::from_bytes(API_TOKEN.as_bytes()).unwrap()
        ),
        format!("{}", bytes.escape_ascii()),
        serde_json::to_string(VALUE).unwrap(),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes
            .chunks(2)
            .map(|pair| format!("{:02x}{:02x} ", pair[0], pair.last().unwrap()))
            .collect(),
    ] {
        assert!(!found(&shown).is_empty(), "{shown}");
    }
    assert!(found("canary-free text, which is long enough to hold one").is_empty());
}
