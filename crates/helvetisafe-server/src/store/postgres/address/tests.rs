use super::*;

fn options(text: &str, host: usize) -> PgConnectOptions {
    Address::parse(text).unwrap().options(host).unwrap()
}

#[test]
fn hosts_have_their_own_ports_and_tls() {
    let text = "vault@db1,db2:6432,[::1]:5433/secrets";
    assert_eq!(Address::parse(text).unwrap().host_count(), 3);
    for (host, name, port, mode) in [
        (0, "db1", 5432, PgSslMode::VerifyFull),
        (1, "db2", 6432, PgSslMode::VerifyFull),
        (2, "::1", 5433, PgSslMode::Disable),
    ] {
        let options = options(text, host);
        assert_eq!(options.get_host(), name);
        assert_eq!(options.get_port(), port);
        assert_eq!(options.get_username(), "vault");
        assert_eq!(options.get_database(), Some("secrets"));
        assert_eq!(format!("{:?}", options.get_ssl_mode()), format!("{mode:?}"));
    }
    let socket = options("/secrets?host=/run/postgresql", 0);
    assert_eq!(socket.get_socket(), Some(&PathBuf::from("/run/postgresql")));
}

#[test]
fn another_machine_is_verified_unless_the_operator_says_otherwise() {
    for (text, mode) in [
        ("db1/a", PgSslMode::VerifyFull),
        ("db1/a?sslmode=verify-full", PgSslMode::VerifyFull),
        ("db1/a?sslmode=disable", PgSslMode::Disable),
        ("localhost/a", PgSslMode::Disable),
        ("localhost/a?sslmode=verify-full", PgSslMode::VerifyFull),
        // A certificate that nothing used would go unnoticed.
        ("localhost/a?sslrootcert=FILE", PgSslMode::VerifyFull),
        ("127.0.0.1/a?sslcert=FILE", PgSslMode::VerifyFull),
        (
            "localhost/a?sslrootcert=FILE&sslmode=disable",
            PgSslMode::Disable,
        ),
        (
            "/a?host=/run/postgresql&sslrootcert=FILE",
            PgSslMode::Disable,
        ),
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = &text.replace("FILE", file.path().to_str().unwrap());
        let found = options(text, 0).get_ssl_mode();
        assert_eq!(format!("{found:?}"), format!("{mode:?}"), "{text}");
    }
}

#[test]
fn a_certificate_that_cannot_be_read_is_named() {
    for parameter in ["sslrootcert", "sslcert"] {
        let text = format!("db1/a?{parameter}=/absent/file");
        let error = Address::parse(&text).unwrap().options(0).err().unwrap();
        let expected = format!("{parameter} /absent/file: cannot be read");
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[test]
fn a_password_comes_from_a_file_and_not_from_the_url() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    private_files::write(&file, b"hunter2\n").unwrap();
    let address = Address::parse(&format!("db1/a?password_file={}", file.display())).unwrap();
    let options = address.options(0).unwrap();
    assert!(
        format!("{options:?}").contains("\"hunter2\""),
        "without its newline"
    );
    assert!(!format!("{address} {address:?}").contains("hunter2"));
    std::fs::remove_file(&file).unwrap();
    let error = address.options(0).err().unwrap();
    assert!(error.to_string().contains(&file.display().to_string()));

    let error = Address::parse("user:hunter2@db1/a").unwrap_err();
    assert!(error.contains("has a password"), "{error}");
}

#[cfg(unix)]
#[test]
fn files_with_a_secret_are_refused_if_other_users_can_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    private_files::write(&file, b"hunter2").unwrap();
    let path = file.display();
    for text in [
        format!("db1/a?password_file={path}"),
        format!("db1/a?sslcert={path}&sslkey={path}"),
    ] {
        let address = Address::parse(&text).unwrap();
        for mode in [0o600, 0o400] {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            assert!(address.options(0).is_ok(), "{mode:o}");
        }
        for mode in [0o640, 0o644, 0o602] {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
            let error = address.options(0).err().unwrap().to_string();
            for part in [
                path.to_string(),
                format!("mode {mode:04o}"),
                format!("chmod 600 '{path}'"),
            ] {
                assert!(error.contains(&part), "{part}: {error}");
            }
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

proptest::proptest! {
    /// No error contains a word of the password. The separators of the words are separators of URLs, too.
    #[test]
    fn no_error_has_a_part_of_a_password(
        before in "(u|)",
        words in proptest::collection::vec("Zq[0-9]{3}xW", 1..5),
        separators in proptest::collection::vec("[@:/?#&=%,;\\[\\] .]", 5),
        after in "(@db1/a|@db1|/a|@db1,db2:x/a|@|@db1/a\\?b=c|@db1/a\\?sslmode=d|)",
        place in 0..4,
    ) {
        let password: String = words.iter().zip(&separators).fold(String::new(), |text, (word, separator)| {
            if text.is_empty() { word.clone() } else { text + separator + word }
        });
        let text = match place {
            0 => format!("{before}:{password}{after}"),
            1 => format!("{before}{password}{after}"),
            2 => format!("{before}@db1/a?password={password}"),
            _ => format!("{before}@db1/a?sslmode={password}{after}"),
        };
        if let Err(error) = Address::parse(&text) {
            for word in &words {
                assert!(!error.contains(word), "{text}: {error}");
            }
        }
        for scheme in ["postgres://", "postgresql://", "postgres:", "postgres:/", ""] {
            if let Err(error) = format!("{scheme}{text}").parse::<crate::store::Database>() {
                for word in &words {
                    assert!(!error.to_string().contains(word), "{text}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_wrong_url_is_explained() {
    for (text, part) in [
        ("", "no database"),
        ("db1", "no database"),
        ("db1/", "no database"),
        ("/a", "no host"),
        ("db1:x/a", "invalid host or port"),
        ("db1:99999/a", "invalid host or port"),
        (":5432/a", "invalid host or port"),
        ("db1/a?sslmode=require", "sslmode does not check"),
        ("db1/a?ssl=on", "unknown parameter"),
        ("db1:5432/a?sslrootcert=/a@b", "%40"),
    ] {
        let error = Address::parse(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn it_is_written_without_its_parameters() {
    let address = Address::parse("me@db1,[::1]:5433/a?password_file=/x").unwrap();
    assert_eq!(address.to_string(), "postgres://db1:5432,[::1]:5433/a");
}

#[test]
fn the_url_for_the_owner_has_every_parameter_and_no_password() {
    for (text, expected) in [
        ("node@db1/a", "OWNER@db1:5432/a"),
        (
            "node@db1,[::1]:5433/a?password_file=/run/node&sslrootcert=/etc/a%20b/ca&sslcert=/c&sslkey=/k&sslmode=verify-full",
            "OWNER@db1:5432,[::1]:5433/a?password_file=OWNER_PASSWORD_FILE&sslmode=verify-full&sslrootcert=/etc/a%20b/ca\
             &sslcert=/c&sslkey=/k",
        ),
        (
            "/a?host=/run/postgresql&sslmode=disable",
            "OWNER@/a?host=/run/postgresql&sslmode=disable",
        ),
    ] {
        let address = Address::parse(text).unwrap();
        let file = address.has_password_file().then_some("OWNER_PASSWORD_FILE");
        let url = address.owner_url(file);
        assert_eq!(url, format!("postgres://{expected}"));
        let again = Address::parse(url.trim_start_matches("postgres://")).unwrap();
        assert_eq!(again.owner_url(file), url);
    }
}
