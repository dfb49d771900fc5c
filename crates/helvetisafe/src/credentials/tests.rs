use std::collections::HashMap;
use std::ffi::OsString;

use super::*;
use crate::ClientBuilder;
use crate::ErrorKind;

const URL: (&str, &str) = ("HELVETISAFE_BASE_URL", "https://vault.example");
const ID: (&str, &str) = ("HELVETISAFE_CLIENT_ID", "id");
const SECRET: (&str, &str) = ("HELVETISAFE_CLIENT_SECRET", "canary-secret");
const TOKEN: (&str, &str) = ("HELVETISAFE_API_TOKEN", "canary-token");
const PATH: (&str, &str) = ("HELVETISAFE_PRIVATE_KEY_PATH", "/keys/key.pem");
const PEM: (&str, &str) = ("HELVETISAFE_PRIVATE_KEY_PEM", "canary-pem");
const PASSWORD: (&str, &str) = ("HELVETISAFE_PASSWORD", "canary-password");

fn read(variables: &[(&str, &str)]) -> Result<Environment, Error> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Environment::read(|name| variables.get(name).map(OsString::from))
}

fn refused(variables: &[(&str, &str)]) -> String {
    let error = read(variables).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!error.to_string().contains("canary"), "{error}");
    error.to_string()
}

#[test]
fn two_authentications_and_three_key_sources_make_six_configurations() {
    for authentication in [&[ID, SECRET][..], &[TOKEN]] {
        for key_source in [PATH, PEM, PASSWORD] {
            let variables = [&[URL, key_source], authentication].concat();
            let read = read(&variables).unwrap();
            assert_eq!(read.base_url, "https://vault.example");
            let is_token = matches!(read.credentials.0, Authentication::ApiToken(_));
            assert_eq!(is_token, authentication.len() == 1);
        }
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let empty = [("HELVETISAFE_API_TOKEN", ""), ("HELVETISAFE_PASSWORD", "")];
    assert!(read(&[&[URL, ID, SECRET, PATH], &empty[..]].concat()).is_ok());
    assert!(
        refused(&[("HELVETISAFE_BASE_URL", ""), ID, SECRET, PATH]).contains("HELVETISAFE_BASE_URL")
    );
}

#[test]
fn what_is_missing_is_named() {
    for (variables, named) in [
        (&[ID, SECRET, PATH][..], "HELVETISAFE_BASE_URL"),
        (
            &[URL, PATH],
            "HELVETISAFE_API_TOKEN, or HELVETISAFE_CLIENT_ID and HELVETISAFE_CLIENT_SECRET",
        ),
        (&[URL, ID, PATH], "HELVETISAFE_CLIENT_SECRET"),
        (&[URL, SECRET, PATH], "HELVETISAFE_CLIENT_ID"),
        (
            &[URL, TOKEN],
            "HELVETISAFE_PRIVATE_KEY_PATH, HELVETISAFE_PRIVATE_KEY_PEM or",
        ),
    ] {
        let message = refused(variables);
        assert!(message.contains(&format!("set {named}")), "{message}");
    }
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    assert_eq!(
        refused(&[]),
        "invalid configuration: set HELVETISAFE_BASE_URL; set HELVETISAFE_API_TOKEN, or \
         HELVETISAFE_CLIENT_ID and HELVETISAFE_CLIENT_SECRET; set HELVETISAFE_PRIVATE_KEY_PATH, \
         HELVETISAFE_PRIVATE_KEY_PEM or HELVETISAFE_PASSWORD"
    );
    let message = refused(&[ID, PEM, PASSWORD]);
    for part in [
        "set HELVETISAFE_BASE_URL",
        "set HELVETISAFE_CLIENT_SECRET",
        "set only one of",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn what_is_doubled_is_named() {
    for variables in [
        [TOKEN, ID].as_slice(),
        &[TOKEN, SECRET],
        &[TOKEN, ID, SECRET],
    ] {
        let message = refused(&[&[URL, PATH], variables].concat());
        assert!(
            message.contains("only one of HELVETISAFE_API_TOKEN"),
            "{message}"
        );
    }
    for variables in [[PATH, PEM].as_slice(), &[PATH, PASSWORD], &[PEM, PASSWORD]] {
        let message = refused(&[&[URL, TOKEN], variables].concat());
        assert!(
            message.contains("only one of HELVETISAFE_PRIVATE_KEY_PATH"),
            "{message}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let error = Environment::read(|_| Some(OsString::from_vec(vec![0xff])))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains("HELVETISAFE_BASE_URL is not valid Unicode"),
        "{error}"
    );
}

#[test]
fn credentials_that_could_never_work_are_refused() {
    for credentials in [
        Credentials::api_token(""),
        Credentials::api_token("  "),
        Credentials::api_token("a b"),
        Credentials::api_token("a\r\nX-Injected: 1"),
        Credentials::api_token("tök"),
        Credentials::service_account("", "secret"),
        Credentials::service_account("id", " "),
        Credentials::service_account("id", "a\nb"),
    ] {
        let error = credentials.0.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{credentials:?}");
    }
}

#[test]
fn no_debug_shows_a_secret() {
    let shown = format!(
        "{:?}{:?}{:?}{:?}",
        Credentials::service_account("id", "canary"),
        Credentials::api_token("canary"),
        KeySource::pem("canary").with_passphrase("canary"),
        KeySource::password("canary"),
    );
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn further_addresses_of_the_environment_are_added() {
    let urls = "https://b.example https://c.example,http://d.example";
    let variables = [URL, TOKEN, PASSWORD, ("HELVETISAFE_FAILOVER_URLS", urls)];
    let environment = read(&variables).unwrap();
    let expected = ["https://b.example", "https://c.example", "http://d.example"];
    assert_eq!(environment.failover, expected);
    // The last one is refused, so the list reaches the client.
    let builder: ClientBuilder = ClientBuilder::from_environment(environment).unwrap();
    let error = builder.connect().unwrap_err();
    assert!(error.to_string().contains("http://"), "{error}");
    assert!(read(&[URL, TOKEN, PASSWORD]).unwrap().failover.is_empty());
}

#[test]
fn an_authority_of_the_environment_is_added() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a certificate").unwrap();
    let path = file.path().to_str().unwrap();
    let variables = [URL, TOKEN, PASSWORD, ("HELVETISAFE_CA_CERTIFICATE", path)];
    let environment = read(&variables).unwrap();
    assert_eq!(environment.ca_certificate.as_deref(), Some(file.path()));
    let builder: ClientBuilder = ClientBuilder::from_environment(environment).unwrap();
    let error = builder.connect().unwrap_err();
    assert!(
        error.to_string().contains("CA certificate is not a PEM"),
        "{error}"
    );

    let variables = [
        URL,
        TOKEN,
        PASSWORD,
        ("HELVETISAFE_CA_CERTIFICATE", "/no/such.pem"),
    ];
    let missing = ClientBuilder::<crate::Parts>::from_environment(read(&variables).unwrap());
    let error = missing.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    for part in ["/no/such.pem", "HELVETISAFE_CA_CERTIFICATE"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let variables = [URL, TOKEN, PASSWORD, ("HELVETISAFE_CA_CERTIFICATE", "")];
    assert!(read(&variables).unwrap().ca_certificate.is_none());
}
