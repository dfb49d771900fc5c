//! Checks of the public types against the Rust API guidelines: see `docs/api-guidelines.md`.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::collections::HashSet;
use std::error::Error as StdError;
use std::fmt::Debug;
use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::time::Duration;

use helvetisafe::{
    AttemptLimits, BaseUrl, BodyLimits, CachePolicy, CallOptions, Change, ClientBuilder,
    CryptoError, InvalidBaseUrl, InvalidKeyName, KeyName, OrgKeyChange, Parts, RetryPolicy, Scope,
    Scopes, SecretMetadata, Secrets, Timeouts, UnknownScope,
};
use serde_json::json;

fn is_plain<T: Clone + Debug + Eq + Hash + Send + Sync + Unpin>() {}
fn has_debug<T: Debug>() {}
fn is_error<E: StdError + Clone + Eq + Hash + Send + Sync + 'static>() {}

#[test]
fn plain_types_have_the_common_traits() {
    is_plain::<AttemptLimits>();
    is_plain::<BaseUrl>();
    is_plain::<BodyLimits>();
    is_plain::<CachePolicy>();
    is_plain::<CallOptions>();
    is_plain::<Change>();
    is_plain::<OrgKeyChange>();
    is_plain::<RetryPolicy>();
    is_plain::<SecretMetadata>();
    is_plain::<Timeouts>();
    has_debug::<Parts>();
    has_debug::<Secrets<'_>>();
    has_debug::<helvetisafe::load::Or<u8>>();
    #[cfg(feature = "async")]
    {
        has_debug::<helvetisafe::AsyncParts>();
        has_debug::<helvetisafe::AsyncSecrets<'_>>();
    }
}

#[test]
fn threads_can_share_everything_but_a_watch() {
    fn is_shared<T: Send + Sync>() {}
    fn is_sent<T: Send>() {}
    is_shared::<helvetisafe::CancelToken>();
    is_shared::<helvetisafe::Client>();
    is_shared::<helvetisafe::Credentials>();
    is_shared::<helvetisafe::Error>();
    is_shared::<helvetisafe::KeySource>();
    is_shared::<helvetisafe::Secret>();
    is_shared::<Secrets<'_>>();
    is_shared::<helvetisafe::TransportError>();
    is_sent::<ClientBuilder>();
    is_sent::<helvetisafe::Watch>();
}

#[test]
fn the_errors_of_parsed_arguments_can_be_named() {
    is_error::<InvalidBaseUrl>();
    is_error::<InvalidKeyName>();
    is_error::<UnknownScope>();
    is_error::<CryptoError>();
    assert_eq!("a b".parse::<Scopes>(), Err(UnknownScope));
    let empty: Result<KeyName, InvalidKeyName> = KeyName::parse("");
    assert_eq!(empty, Err(InvalidKeyName::Empty));
}

#[test]
fn the_crates_of_signatures_can_be_named() {
    use helvetisafe::reexports::{http, jiff, secrecy, ureq};

    let transport = |_: &http::Request<Vec<u8>>| Ok(http::Response::new(Vec::new()));
    fn is_transport(_: impl helvetisafe::Transport) {}
    is_transport(transport);
    let _: fn(_, ureq::Agent) -> _ = <ClientBuilder>::ureq_agent;
    let _: helvetisafe::Timestamp = jiff::Timestamp::MAX;
    let _: helvetisafe::SecretString = secrecy::SecretString::from("a");
}

#[test]
fn scopes_are_a_collection() {
    let mut scopes = Scopes::from(Scope::SecretsRead);
    scopes.extend([Scope::SecretsWrite]);
    assert_eq!(
        scopes.into_iter().collect::<Vec<_>>(),
        [Scope::SecretsRead, Scope::SecretsWrite]
    );
    let _ = |builder: ClientBuilder| builder.scopes(Scope::SecretsRead);
    assert_eq!(HashSet::from([scopes, scopes]).len(), 1);
}

/// Reads `part` over the defaults, and the whole from its own text.
#[cfg(feature = "serde")]
fn round_trip<T>(part: serde_json::Value, expected: T, whole: serde_json::Value)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    assert_eq!(serde_json::from_value::<T>(part).unwrap(), expected);
    assert_eq!(serde_json::to_value(&expected).unwrap(), whole);
    assert_eq!(serde_json::from_value::<T>(whole).unwrap(), expected);
}

#[cfg(feature = "serde")]
#[test]
fn plain_settings_are_read_and_written_in_milliseconds() {
    round_trip(
        json!({"connect_ms": 1500}),
        Timeouts {
            connect: Duration::from_millis(1500),
            ..Timeouts::default()
        },
        json!({"connect_ms": 1500, "attempt_ms": 10_000, "silence_ms": 5000, "operation_ms": 30_000}),
    );
    round_trip(
        json!({"secret": 4096}),
        BodyLimits {
            secret: 4096,
            ..BodyLimits::default()
        },
        json!({"credential": 65_536, "secret": 4096, "list": 16_777_216}),
    );
    round_trip(
        json!({"max_attempts": 5}),
        RetryPolicy {
            max_attempts: 5,
            ..RetryPolicy::default()
        },
        json!({
            "max_attempts": 5, "base_ms": 50, "throttled_base_ms": 1000,
            "max_back_off_ms": 5000, "max_retry_after_ms": 30_000,
        }),
    );
    round_trip(
        json!({"time_to_live_ms": 30_000}),
        CachePolicy::new(Duration::from_secs(30)),
        json!({
            "time_to_live_ms": 30_000, "stale_for_ms": 0, "stale_after_ms": 200,
            "failures_for_ms": 0, "capacity": 1000,
        }),
    );
    let url = BaseUrl::parse("https://vault.example/tenant").unwrap();
    round_trip(
        json!("https://vault.example/tenant/"),
        url,
        json!("https://vault.example/tenant"),
    );
    round_trip(
        json!("secrets:write secrets:read"),
        Scopes::from([Scope::SecretsRead, Scope::SecretsWrite]),
        json!("secrets:read secrets:write"),
    );
    round_trip(json!("db"), KeyName::parse("db").unwrap(), json!("db"));
    round_trip(
        json!("secrets:list"),
        Scope::SecretsList,
        json!("secrets:list"),
    );
}

#[cfg(feature = "serde")]
#[test]
fn a_wrong_setting_is_refused() {
    fn refused<T: serde::de::DeserializeOwned + Debug>(value: serde_json::Value, word: &str) {
        let error = serde_json::from_value::<T>(value).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    refused::<Timeouts>(json!({"conect_ms": 1}), "conect_ms");
    refused::<Timeouts>(json!({"connect": 1}), "connect_ms");
    refused::<Timeouts>(json!({"connect_ms": -1}), "-1");
    refused::<RetryPolicy>(json!({"attempts": 1}), "max_attempts");
    refused::<CachePolicy>(json!({}), "time_to_live_ms");
    refused::<CachePolicy>(json!({"time_to_live_ms": 1, "capacity": 0}), "nonzero");
    refused::<BaseUrl>(json!("http://vault.example"), "https://");
    refused::<Scopes>(json!("secrets:none"), "unknown scope");
    refused::<KeyName>(json!("a-b"), "letters");
}

/// A time below a millisecond must not become zero, which means that nothing is sent.
#[cfg(feature = "serde")]
#[test]
fn times_that_are_no_milliseconds_are_rounded_up() {
    let timeouts = Timeouts {
        connect: Duration::from_nanos(1),
        silence: Duration::from_micros(1001),
        operation: Duration::MAX,
        ..Timeouts::default()
    };
    let shown = serde_json::to_value(timeouts).unwrap();
    assert_eq!(shown["connect_ms"], 1);
    assert_eq!(shown["silence_ms"], 2);
    // The largest integer of TOML.
    assert_eq!(shown["operation_ms"], i64::MAX);
    assert!(serde_json::from_value::<Timeouts>(shown).is_ok());
}

/// C-EXAMPLE: a public function has an example, or another example of its file calls it, or its documentation refers to
/// the function with the example.
#[test]
fn every_public_function_has_an_example() {
    let mut without = Vec::new();
    for file in sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        let text = fs::read_to_string(&file).unwrap();
        let docs = |line: &&str| line.trim_start().starts_with("///");
        let all_docs: String = text.lines().filter(docs).collect();
        let mut own = String::new();
        for line in text.lines() {
            let name = public_function(line);
            if docs(&line) {
                own.push_str(line.trim_start());
            } else if let Some(name) = name.filter(|_| !own.is_empty()) {
                let refers = own.starts_with("/// As [`");
                let is_called = all_docs.contains(&format!("{name}("));
                if !own.contains("```") && !refers && !is_called {
                    without.push(format!("{}: {name}", file.display()));
                }
                own.clear();
            } else if !line.trim_start().starts_with("#[") {
                own.clear();
            }
        }
    }
    assert_eq!(without, [""; 0]);
}

/// Programs with names of their own, such as the command, take the text of a cause as it is, and replace the advice: so the
/// names of settings are in `Setting` alone.
#[test]
fn no_cause_names_a_part_of_the_library() {
    // An HTTP library of the application has no other name.
    let sources = |folder: &Path| {
        let files = sources(folder).into_iter();
        files.filter(|it| !it.ends_with("http/ureq/agent.rs"))
    };
    let mut named = Vec::new();
    for name in ["helvetisafe", "helvetisafe-proto", "helvetisafe-crypto"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(name);
        for file in sources(&folder.join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            for cause in text.split("#[error(").skip(1) {
                let cause = cause.split_once(")]").map_or(cause, |(cause, _)| cause);
                let quoted = cause.split('`').skip(1).step_by(2);
                named.extend(quoted.filter(|it| is_name(it)).map(str::to_owned));
            }
        }
    }
    assert_eq!(named, [""; 0]);
    for name in [
        "Timeouts::operation",
        "get_field",
        "bundled-roots",
        "generate(true)",
    ] {
        assert!(is_name(name), "{name}");
    }
}

/// Returns true if a text looks like a path, a function or a feature.
fn is_name(text: &str) -> bool {
    let is_joined = text.contains(['_', '-', '(']) || text.contains("::");
    let ends = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == ')');
    is_joined
        && ends
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-:()".contains(c))
}

fn public_function(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("pub ")?;
    let line = line
        .trim_start_matches("const ")
        .trim_start_matches("async ");
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().chain(below).collect()
}
