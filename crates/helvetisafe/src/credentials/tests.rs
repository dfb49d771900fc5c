use std::collections::HashMap;

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
fn a_key_file_that_cannot_be_used_is_refused() {
    let missing = KeySource::pem_file("/nonexistent/key.pem")
        .local_key()
        .err()
        .unwrap();
    assert_eq!(missing.kind(), ErrorKind::Config);
    assert!(
        missing.to_string().contains("/nonexistent/key.pem"),
        "{missing}"
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, vec![b'x'; MAX_KEY_FILE + 1]).unwrap();
    assert_eq!(
        KeySource::pem_file(&file).local_key().err().unwrap().kind(),
        ErrorKind::Config
    );
    for content in [&b"no key"[..], &[0xff]] {
        std::fs::write(&file, content).unwrap();
        let unusable = KeySource::pem_file(&file).local_key().err().unwrap();
        assert_eq!(unusable.kind(), ErrorKind::Config);
        let text = unusable.to_string();
        assert!(text.contains(&file.display().to_string()), "{text}");
    }
    assert_eq!(
        KeySource::pem([0xff]).local_key().err().unwrap().kind(),
        ErrorKind::Config
    );
    assert_eq!(
        KeySource::password("").local_key().err().unwrap().kind(),
        ErrorKind::Config
    );
}

#[test]
fn a_key_is_read_into_one_allocation_however_it_comes() {
    /// Gives little at a time, as a pipe may.
    struct Drops<'a>(&'a [u8]);
    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let drop = into.len().min(100);
            self.0.read(&mut into[..drop])
        }
    }
    let room = |length| {
        let key = vec![b'x'; length];
        let read = read_key(Drops(&key)).unwrap();
        assert_eq!(read.len(), length);
        read.capacity() >> 10
    };
    assert_eq!([0, 1, 6000, (16 << 10) - 1].map(room), [16; 4]);
    // It is in whole steps, of which each wipes the last.
    assert_eq!([16 << 10, 70_000, MAX_KEY_FILE].map(room), [32, 128, 2048]);
}

/// As from `<(...)` in a shell.
#[cfg(target_os = "linux")]
#[test]
fn a_key_may_come_through_a_pipe_and_is_refused_where_it_is_too_large() {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    let through_a_pipe = |key: Vec<u8>| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        // The pipe is closed before the end of what is too large.
        let written = std::thread::spawn(move || drop(writer.write_all(&key)));
        let outcome = read_key_file(Path::new(&path));
        drop(reader);
        written.join().unwrap();
        outcome
    };
    let key: Vec<u8> = (0..70_000u32).map(|at| b'a' + (at % 26) as u8).collect();
    assert_eq!(*through_a_pipe(key.clone()).unwrap(), key);
    let error = through_a_pipe(vec![b'x'; 2 * MAX_KEY_FILE]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("larger than a key can be"),
        "{error}"
    );
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

/// The kind agrees with the message, which starts with `invalid configuration`.
#[test]
fn a_pem_that_cannot_be_used_is_an_error_of_the_configuration() {
    let pem = helvetisafe_test_support::PEM;
    let encrypted =
        include_str!("../../../helvetisafe-crypto/tests/data/rsa-2048-pkcs8-encrypted.pem");
    let small = include_str!("../../../helvetisafe-crypto/tests/data/rsa-1024-refused.pem");
    let plain = |pem: &str| KeySource::pem(pem);
    let utf16 = |encode: fn(u16) -> [u8; 2]| {
        let marked = format!("\u{feff}{pem}");
        let bytes: Vec<u8> = marked.encode_utf16().flat_map(encode).collect();
        let unmarked = KeySource::pem(&bytes[2..]);
        [(KeySource::pem(bytes), "UTF-16"), (unmarked, "UTF-16")]
    };
    let utf16 = [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)].concat();
    let others = [
        (plain("no key"), "no line such as `-----BEGIN"),
        (plain(&pem.replace('\n', "\\n")), "has `\\n`"),
        (plain(&pem[..pem.len() / 2]), "no line `-----END"),
        (plain(&pem.replace("PRIVATE", "PUBLIC")), "a public key"),
        (
            plain(&pem.replace("PRIVATE KEY", "CERTIFICATE")),
            "a certificate",
        ),
        (plain(&format!("{pem}{pem}")), "more than one private key"),
        (plain(small), "2048 to 8192 bits"),
        (plain(encrypted), "give its passphrase"),
        (
            plain(encrypted).with_passphrase("wrong"),
            "wrong passphrase",
        ),
    ];
    for (source, cause) in others.into_iter().chain(utf16) {
        let error = source.local_key().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("invalid configuration: "), "{text}");
        assert!(text.contains(cause), "{cause}: {text}");
        assert!(!error.is_retryable());
    }
}
