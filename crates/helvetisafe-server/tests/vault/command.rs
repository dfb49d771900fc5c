//! `helvetisafe-server dev`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::dev::{Dev, command, credentials};
use crate::support::{secret, send};

/// Runs a command that must fail. Returns its standard error.
fn failure(arguments: &[&str], code: i32) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command(arguments).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{stderr}");
    assert_eq!(stdout, b"");
    stderr
}

fn refusal(state: &Path) -> String {
    failure(
        &[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--state",
            state.to_str().unwrap(),
        ],
        1,
    )
}

/// Tests the default build. The tests of the whole workspace turn the feature on.
#[cfg(not(feature = "faults"))]
#[test]
fn without_the_feature_the_command_has_no_faults() {
    let stderr = failure(&["dev", "--faults", "flaky"], 2);
    assert!(
        stderr.contains("unexpected argument '--faults'"),
        "{stderr}"
    );
    let program = fs::read(env!("CARGO_BIN_EXE_helvetisafe-server")).unwrap();
    let has = |text: &str| {
        program
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    assert!(
        has("send one valid Host header"),
        "texts of the vault are found"
    );
    assert!(!has("the vault misbehaves on purpose") && !has("reset after acting"));
}

#[test]
fn without_a_folder_nothing_survives_a_stop() {
    let dev = Dev::start(None);
    dev.fetch_token().success(200);
    let folder = dev.private_key_path.parent().unwrap().to_owned();
    assert!(
        fs::read_to_string(&dev.private_key_path)
            .unwrap()
            .contains("BEGIN PRIVATE KEY")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    }
    dev.stop("INT");
    assert!(!folder.exists());
}

#[test]
fn with_a_folder_a_second_start_serves_the_same_secrets() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("it's state");
    let dev = Dev::start_in(&state);
    let first = credentials(&state);
    let api_token = first["api_token"].as_str().unwrap().to_owned();
    dev.call(&api_token, "POST", "/api/v1/secrets", Some(secret("a")))
        .success(201);
    let fingerprint = dev.org_key_fingerprint.clone();
    assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
    dev.stop("TERM");

    let dev = Dev::start_in(&state);
    assert_eq!(dev.org_key_fingerprint, fingerprint);
    dev.fetch_token().success(200);
    dev.call(&api_token, "GET", "/api/v1/secrets/a", None)
        .success(200);
    let mut second = credentials(&state);
    assert_eq!(second["base_url"], dev.base_url, "it follows the address");
    assert_eq!(second["client_id"], dev.client_id);
    second["base_url"] = first["base_url"].clone();
    assert_eq!(second, first);

    let error = refusal(&state);
    assert!(error.contains("another process uses"), "{error}");
    dev.stop("TERM");
}

#[test]
fn an_acknowledged_write_survives_a_kill() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    let mut dev = Dev::start_in(&state);
    let token = credentials(&state)["api_token"]
        .as_str()
        .unwrap()
        .to_owned();
    dev.call(&token, "POST", "/api/v1/secrets/a", Some(secret("a")))
        .success(201);
    dev.child.kill().unwrap();
    dev.child.wait().unwrap();

    let dev = Dev::start_in(&state);
    dev.call(&token, "GET", "/api/v1/secrets/a", None)
        .success(200);
    dev.stop("TERM");
}

#[test]
fn an_interrupted_start_is_completed_by_the_next() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    Dev::start_in(&state).stop("TERM");
    let before = credentials(&state);

    // As after a kill before the database had the account.
    fs::remove_file(state.join("vault.db")).unwrap();
    let dev = Dev::start_in(&state);
    assert_eq!(dev.client_id, before["client_id"]);
    dev.fetch_token().success(200);
    dev.stop("TERM");

    // As after a kill before the credentials were written: the private key is reused.
    let pem = fs::read(state.join("private-key.pem")).unwrap();
    fs::remove_file(state.join("vault.db")).unwrap();
    fs::remove_file(state.join("credentials.json")).unwrap();
    fs::write(state.join("credentials.json.new"), "{\"base").unwrap();
    let dev = Dev::start_in(&state);
    dev.fetch_token().success(200);
    dev.stop("TERM");
    assert_eq!(fs::read(state.join("private-key.pem")).unwrap(), pem);
}

#[test]
fn files_that_contradict_each_other_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    Dev::start_in(&state).stop("TERM");
    let original = credentials(&state);
    let rewrite = |contents: &str| fs::write(state.join("credentials.json"), contents).unwrap();
    let altered = |name: &str| {
        let mut altered = original.clone();
        altered[name] = json!("x");
        altered.to_string()
    };
    for (contents, problem) in [
        ("{", "credentials.json is damaged"),
        (&altered("client_id"), "an account that vault.db lacks"),
        (&altered("client_secret"), "a wrong client secret"),
    ] {
        rewrite(contents);
        assert!(refusal(&state).contains(problem), "{problem}");
    }
    fs::remove_file(state.join("credentials.json")).unwrap();
    assert!(refusal(&state).contains("credentials.json is missing"));
    assert!(
        !state.join("credentials.json").exists(),
        "no second account was made"
    );
}

#[cfg(unix)]
#[test]
fn a_missing_foreign_or_exposed_private_key_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    Dev::start_in(&state).stop("TERM");
    let pem = state.join("private-key.pem");
    fs::write(&pem, include_str!("../data/private-key.pem")).unwrap();
    assert!(refusal(&state).contains("private-key.pem is another account's"));
    fs::set_permissions(&pem, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refusal(&state).contains("chmod 600"));
    fs::remove_file(&pem).unwrap();
    assert!(refusal(&state).contains("private-key.pem is missing"));
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(refusal(&state).contains("chmod 700"));
}

#[test]
fn errors_are_clear_and_have_their_exit_codes() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert!(failure(&["dev", "--listen", &address], 1).contains("in use"));
    assert!(failure(&["dev", "--listen", "0.0.0.0:0"], 1).contains("not a loopback address"));
    let not_a_folder = ["dev", "--state", "/dev/null/x"];
    assert!(failure(&not_a_folder, 1).contains("/dev/null/x"));
    failure(&[], 2);
    failure(&["dev", "--listen", "here"], 2);
    failure(&["dev", "--unknown"], 2);
}

#[test]
fn limits_are_set_by_options() {
    let options = [
        "--limit-failed-logins",
        "1/3600",
        "--limit-requests",
        "2/3600",
    ];
    let mut dev = Dev::start_with(None, &options);
    let token = dev.fetch_token().success(200)["access_token"].clone();
    let bearer = format!("Bearer {}", token.as_str().unwrap());
    let list = || {
        let headers = [("authorization", bearer.as_str())];
        send(&dev.base_url, "GET", "/api/v1/secrets", &headers, None)
    };
    list().success(200);
    list().success(200);
    let answer = list();
    answer.error(429);
    assert_eq!(answer.headers["retry-after"], "1800");
    dev.client_secret = "guess".to_owned();
    assert_eq!([0; 3].map(|_| dev.fetch_token().status), [401, 429, 429]);
    dev.stop("TERM");

    let mut dev = Dev::start_with(None, &["--limit-failed-logins", "off"]);
    dev.client_secret = "guess".to_owned();
    assert!((0..60).all(|_| dev.fetch_token().status == 401));
    dev.stop("TERM");
    let error = failure(&["dev", "--limit-logins", "5"], 2);
    assert!(error.contains("COUNT/SECONDS"), "{error}");
}

/// The folder has only the credentials. The next start, and another folder, use the same database.
#[test]
fn a_vault_for_development_can_use_postgresql() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = server.url();
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let start = |state: &Path| Dev::start_with(Some(state), &["--database", &url]);
    let read = |dev: &Dev, status| {
        let token = dev.fetch_token().success(200)["access_token"].clone();
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        let answer = send(&dev.base_url, "GET", "/api/v1/secrets/a", &headers, None);
        assert_eq!(answer.status, status);
    };
    let dev = start(&one);
    let credentials = credentials(&one);
    let headers = [
        ("x-aegis-token", credentials["api_token"].as_str().unwrap()),
        ("content-type", "application/json"),
    ];
    let body = secret("a").to_string().into_bytes();
    send(
        &dev.base_url,
        "POST",
        "/api/v1/secrets",
        &headers,
        Some(body),
    )
    .success(201);
    read(&dev, 200);
    let other = start(&two);
    read(&other, 404);
    assert_ne!(dev.org_key_fingerprint, other.org_key_fingerprint);
    dev.stop("TERM");
    let again = start(&one);
    read(&again, 200);
    let files: Vec<_> = fs::read_dir(&one).unwrap().collect();
    // The third is a lock.
    assert_eq!(files.len(), 3, "{files:?}");
    again.stop("TERM");
    other.stop("TERM");

    for (database, part) in [
        (
            "mysql://a/b",
            "has to be sqlite:PATH or postgres://HOST/DATABASE",
        ),
        ("postgres://user:hunter2@a/b", "the URL has a password"),
        ("postgres://a/b", "the URL names no user"),
    ] {
        let stderr = failure(&["dev", "--database", database], 1);
        assert!(stderr.contains(part), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
}

/// A folder's own database has its account alone.
#[test]
fn a_new_folder_makes_a_further_organization_in_a_database_of_sqlite() {
    let parent = tempfile::tempdir().unwrap();
    let [one, two, database] = ["one", "two", "own.db"].map(|name| parent.path().join(name));
    let database = format!("sqlite:{}", database.display());
    let fingerprint = |folder: &Path| {
        let dev = Dev::start_with(Some(folder), &["--database", &database]);
        dev.fetch_token().success(200);
        let fingerprint = dev.org_key_fingerprint.clone();
        dev.stop("TERM");
        fingerprint
    };
    let [first, second] = [&one, &two].map(|it| fingerprint(it));
    assert_ne!(first, second);
    assert_eq!([&one, &two].map(|it| fingerprint(it)), [first, second]);

    let own = parent.path().join("own");
    Dev::start(Some(&own)).stop("TERM");
    fs::remove_file(own.join("credentials.json")).unwrap();
    let (state, file) = (
        own.to_str().unwrap(),
        format!("sqlite:{}/vault.db", own.display()),
    );
    for options in [
        &["--state", state][..],
        &["--state", state, "--database", &file],
    ] {
        let stderr = failure(&[&["dev", "--listen", "127.0.0.1:0"], options].concat(), 1);
        let part = "credentials.json is missing, though vault.db has its account";
        assert!(stderr.contains(part), "{stderr}");
    }
}

/// The second one would write its credentials over those of the first.
#[test]
fn a_folder_is_used_by_one_vault_whatever_its_database() {
    let parent = tempfile::tempdir().unwrap();
    let [state, one, two] = ["state", "one.db", "two.db"].map(|name| parent.path().join(name));
    let [one, two] = [one, two].map(|path| format!("sqlite:{}", path.display()));
    let dev = Dev::start_with(Some(&state), &["--database", &one]);
    let before = credentials(&state);
    let path = state.to_str().unwrap();
    for options in [&["--database", two.as_str()][..], &[]] {
        let mut arguments = vec!["dev", "--listen", "127.0.0.1:0", "--state", path];
        arguments.extend(options);
        let stderr = failure(&arguments, 1);
        assert!(stderr.contains("another process uses it"), "{stderr}");
    }
    assert_eq!(credentials(&state), before);
    dev.stop("TERM");
    Dev::start_with(Some(&state), &["--database", &one]).stop("TERM");
}

/// The introduction of `dev` names the place of the secrets.
#[test]
fn the_introduction_says_where_the_data_is() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}/elsewhere.db", folder.path().display());
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();
    let introduction = |options: &[&str]| {
        let mut arguments = vec!["dev", "--listen", "127.0.0.1:0"];
        arguments.extend(options);
        let mut child = command(&arguments).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let text = introduction(&["--state", state, "--database", &database]);
    let expected =
        format!("the database is {database}; private key and credentials are in {state}");
    assert!(text.contains(&expected), "{text}");
    std::fs::remove_file(folder.path().join("elsewhere.db")).unwrap();
    let text = introduction(&["--database", &database]);
    let expected = format!("no later start reads the secrets that stay in {database}");
    assert!(text.contains(&expected), "{text}");
    assert!(!text.contains("secrets, keys"), "{text}");
    let text = introduction(&[]);
    assert!(
        text.contains("secrets, keys and credentials are lost"),
        "{text}"
    );
}
