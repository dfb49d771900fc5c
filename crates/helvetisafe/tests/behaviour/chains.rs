//! Reports of errors with their causes: everything is there, and nothing twice.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use helvetisafe::{
    Client, Credentials, Error, ErrorKind, Expiry, Failure, KeySource, Setting, TransportError,
};
use helvetisafe_crypto::OrgKey;
use helvetisafe_server::Vault;
use helvetisafe_test_support::{PEM, World, answer};
use http::{Request, Response};

use crate::hostile::record;

/// The report of an error under two contexts, as applications print it.
fn report(error: impl std::error::Error + Send + Sync + 'static) -> [String; 2] {
    let outcome: Result<(), _> = Err(error);
    let error = outcome
        .context("cannot load the settings")
        .context("cannot start the service")
        .unwrap_err();
    [format!("{error:#}"), format!("{error:?}")]
}

/// Checks that each part is in the report once.
#[track_caller]
fn has_once(report: &str, parts: &[&str]) {
    for part in parts {
        assert_eq!(report.matches(part).count(), 1, "{part:?} in {report}");
    }
}

fn refusing(_: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
    let source = io::Error::new(
        io::ErrorKind::ConnectionRefused,
        Outer(io::Error::other("innermost")),
    );
    Err(TransportError::with_source(Failure::NotSent, source))
}

/// An error that leaves its cause to `source`.
#[derive(Debug)]
struct Outer(io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outermost")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn builder() -> helvetisafe::ClientBuilder {
    let credentials = Credentials::api_token("token");
    Client::builder(
        "https://vault.example:8443",
        credentials,
        KeySource::pem(PEM),
    )
    .attempts(1)
}

#[test]
fn a_chain_of_three_is_printed_once() {
    let error = builder().transport(refusing).connect().unwrap_err();
    let whole = "cannot start the service: cannot load the settings: cannot get the org key: the vault \
                 could not be reached; nothing was sent (vault.example:8443: outermost: innermost)";
    let [in_line, in_lines] = report(error.clone());
    assert_eq!(in_line, whole);
    has_once(
        &in_lines,
        &[
            "cannot start",
            "cannot load",
            "cannot get",
            "outermost",
            "innermost",
        ],
    );

    let transport = error.transport_error().unwrap();
    assert_eq!(transport.host(), Some("vault.example:8443"));
    let source: &io::Error = transport.get_ref().unwrap().downcast_ref().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
    has_once(&report(transport.clone())[0], &["outermost", "innermost"]);
}

/// Errors of many causes.
fn errors() -> Vec<Error> {
    let world = World::new(|seen, _| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/api/v1/secrets/refused") => Some(answer(422, r#"{"error":"reason"}"#)),
        ("GET", "/api/v1/secrets/malformed") => Some(answer(200, "{}")),
        ("GET", "/api/v1/secrets/forged") => {
            let other_org_key = OrgKey::from_bytes(&[7; 32]);
            Some(answer(200, record(&other_org_key, "forged", b"v")))
        }
        ("PUT", "/api/v1/secrets/lost") => Some(helvetisafe_test_support::Action::Close),
        _ => None,
    });
    let client = world.builder().attempts(1).connect().unwrap();
    let secrets = client.secrets();
    let no_file = KeySource::pem_file("/nowhere/key.pem");
    let local = |key| Client::builder("https://vault.example", Credentials::api_token("t"), key);
    vec![
        secrets.get("absent").unwrap_err(),
        secrets.get("not a name").unwrap_err(),
        secrets.get("refused").unwrap_err(),
        secrets.get("malformed").unwrap_err(),
        secrets.get("forged").unwrap_err(),
        secrets.update("lost", "v", Expiry::Keep).unwrap_err(),
        secrets.create_fields("f", &[("f", "v")], None).unwrap_err(),
        local(no_file).connect().unwrap_err(),
        local(KeySource::pem("no key")).connect().unwrap_err(),
        builder().transport(refusing).connect().unwrap_err(),
        Client::builder("ftp://x", Credentials::api_token("t"), KeySource::pem(PEM))
            .connect()
            .unwrap_err(),
    ]
}

#[test]
fn no_error_has_a_source_that_it_shows_itself() {
    let errors = errors();
    let kinds: BTreeSet<_> = errors
        .iter()
        .map(|error| format!("{:?}", error.kind()))
        .collect();
    assert!(kinds.len() >= 6, "{kinds:?}");
    for error in errors {
        let message = error.to_string();
        let error = anyhow::Error::from(error);
        for cause in error.chain().skip(1) {
            assert!(!message.contains(&cause.to_string()), "{message}: {cause}");
        }
        has_once(&report(io::Error::other(message.clone()))[0], &[&message]);
    }
}

#[test]
fn an_ambiguous_write_has_the_data_of_its_last_attempt() {
    let ambiguous = |error: &&Error| error.kind() == ErrorKind::Ambiguous;
    let errors = errors();
    let error = errors.iter().find(ambiguous).unwrap();
    let transport = error.transport_error().unwrap();
    assert_eq!(transport.failure(), Failure::Lost);
    assert!(
        error.to_string().ends_with("read it before writing again"),
        "{error}"
    );
    assert_eq!(error.setting(), None::<Setting>);
}

#[test]
fn errors_of_the_vault_are_printed_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault.db");
    fs::write(
        &file,
        "not a database, but long enough to look like one: ".repeat(100),
    )
    .unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let in_use = Vault::builder().listen(taken.local_addr().unwrap()).start();
    let no_database = Vault::builder().state(&file).start();
    for (outcome, parts) in [
        (in_use, &["in use"][..]),
        (no_database, &["vault.db failed", "file is not a database"]),
    ] {
        for report in report(outcome.unwrap_err()) {
            has_once(&report, parts);
        }
    }
}

/// The rule for the errors of all crates: a variant that shows its cause does not return it as `source`.
#[test]
fn no_error_type_shows_and_returns_its_source() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for member in fs::read_dir(crates).unwrap() {
        rust_files(&member.unwrap().path().join("src"), &mut files);
    }
    let mut checked = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for variant in text.split("#[error(").skip(1) {
            checked += 1;
            let (message, rest) = variant.split_once(")]\n").unwrap();
            // A transparent error passes on the source of its cause, not the cause.
            if message == "transparent" {
                continue;
            }
            let declared = rest.split("\n}\n").next().unwrap();
            for word in ["#[source]", "#[from]", " source: "] {
                let place = file.display();
                assert!(!declared.contains(word), "{place}: {message}: {word}");
            }
        }
    }
    assert!(checked > 50, "{checked}");
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}
