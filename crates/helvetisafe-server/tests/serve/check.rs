//! `check`.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use serde_json::Value;

use crate::certificates::Authority;
use crate::process::{Serve, run};
use crate::state::State;

/// Returns the exit status and the checks with this name.
fn check(arguments: &[&str], name: &str) -> (Option<i32>, Vec<(String, String)>) {
    let mut all = vec!["check", "--json"];
    all.extend(arguments);
    let (code, stdout, stderr) = run(&all);
    assert_eq!(stderr, "");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["ok"], code == Some(0), "{stdout}");
    let checks = report["checks"].as_array().unwrap();
    let checks = checks.iter().filter(|it| it["name"] == name).map(|it| {
        let text = format!("{} {}", it["text"].as_str().unwrap(), it["remedy"]);
        assert_eq!(it["remedy"].is_null(), it["status"] == "ok", "{it}");
        (it["status"].as_str().unwrap().to_owned(), text)
    });
    (code, checks.collect())
}

pub(crate) fn one(arguments: &[&str], name: &str, status: &str, parts: [&str; 2]) {
    let (code, checks) = check(arguments, name);
    let is_fault = status == "fault";
    assert_eq!(code, Some(i32::from(is_fault)), "{checks:?}");
    let (_, text) = checks
        .iter()
        .find(|(it, _)| it == status)
        .unwrap_or_else(|| {
            panic!("no {status} in {checks:?}");
        });
    assert!(
        parts.iter().all(|part| text.contains(part)),
        "{parts:?} in {text}"
    );
}

#[test]
fn a_right_configuration_has_no_fault_and_stays_as_it_is() {
    let (state, authority) = (State::new(), Authority::new());
    let pair = authority.pair().write(state.folder.path());
    let [cert, key] = pair.each_ref().map(|it| it.to_str().unwrap());
    let before = (files(&state), fs::read(state.path()).unwrap());
    let database = state.database();
    let tls = [
        "--listen",
        "0.0.0.0:0",
        "--tls-cert",
        cert,
        "--tls-key",
        key,
    ];
    let mut arguments = vec![
        "check",
        "--database",
        &database,
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    arguments.extend(tls);
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!((code, &*stderr), (Some(0), ""), "{stdout}");
    for line in [
        "ok      configuration: every setting is valid",
        "ok      certificate: fits its key, and expires at 2099-01-01T00:00:00Z, in ",
        "ok      listen: 0.0.0.0:0 is free",
        "ok      metrics-listen: 127.0.0.1:0 is free",
        "ok      database: ",
        "ok      disk: ",
    ] {
        assert!(
            stdout.lines().any(|it| it.starts_with(line)),
            "{line}\n{stdout}"
        );
    }
    assert_eq!(stdout.lines().count(), 6, "{stdout}");
    assert_eq!((files(&state), fs::read(state.path()).unwrap()), before);
}

/// Returns the names of the files beside the database.
fn files(state: &State) -> Vec<std::ffi::OsString> {
    let files = fs::read_dir(state.folder.path()).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn every_fault_is_found_in_one_run() {
    let state = State::new();
    let database = state.database();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let arguments = [
        "--database",
        &database,
        "--listen",
        &address,
        "--tls-cert",
        "/absent.crt",
        "--tls-key",
        "/absent.key",
        "--drain-delay",
        "soon",
    ];
    for (name, parts) in [
        ("configuration", ["--drain-delay", "write it like 15s"]),
        (
            "certificate",
            ["/absent.crt: cannot be read", "check the path"],
        ),
        ("listen", ["is in use", "choose another port"]),
    ] {
        one(&arguments, name, "fault", parts);
    }
    one(
        &["--database", &database, "--listen", "127.0.0.1:0"],
        "database",
        "ok",
        ["has the tables of this version", ""],
    );
}

/// The database and the addresses are in the file.
#[test]
fn a_missing_configuration_file_is_the_only_fault() {
    for arguments in [
        &["check", "--config", "/absent/none.toml"][..],
        &[
            "check",
            "--config",
            "/absent/none.toml",
            "--listen",
            "[::]:0",
        ],
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, &*stderr), (Some(1), ""), "{stdout}");
        assert_eq!(
            stdout,
            "FAULT   configuration: configuration file /absent/none.toml: its folder /absent does not exist\n        \
             to fix it: correct the path of --config\n"
        );
    }
    for command in ["serve", "migrate"] {
        let (code, _, stderr) = run(&[command, "--config", "none.toml"]);
        assert_eq!(code, Some(2));
        let end = "configuration file none.toml: does not exist; correct the path of --config\n";
        assert!(stderr.ends_with(end), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn flaws_of_a_certificate_that_serves_are_warnings() {
    let (state, authority) = (State::new(), Authority::new());
    let database = state.database();
    let soon =
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(9 * 86_400);
    let expiring = authority.pair_with(|it| it.not_after = date_time_ymd(1970, 1, 1) + soon);
    let own = authority.pair_with(|it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let nameless = authority.pair_with(|it| it.subject_alt_names.clear());
    let mut unordered = authority.pair();
    unordered.certificate += &authority.pair().certificate;
    let mut ordered = authority.pair();
    ordered.certificate += &authority.pem();
    for (pair, warning) in [
        (expiring, Some("expires at")),
        (own, Some("is an authority's certificate")),
        (nameless, Some("has no extension subjectAltName")),
        (
            unordered,
            Some("certificate 1 is not issued by certificate 2"),
        ),
        (ordered, None),
    ] {
        let files = pair.write(state.folder.path());
        let [cert, key] = files.each_ref().map(|it| it.to_str().unwrap());
        let arguments = [
            "--database",
            &database,
            "--tls-cert",
            cert,
            "--tls-key",
            key,
            "--listen",
            "127.0.0.1:0",
        ];
        match warning {
            Some(warning) => one(&arguments, "certificate", "warning", [warning, ""]),
            None => {
                let (code, checks) = check(&arguments, "certificate");
                assert_eq!((code, checks.len()), (Some(0), 1), "{checks:?}");
            }
        }
    }
}

#[test]
fn faults_of_the_database_are_explained() {
    let state = State::new();
    let folder = state.folder.path();
    let listen = ["--listen", "127.0.0.1:0"];
    let at = |path: &str| format!("sqlite:{}/{path}", folder.display());
    let one = |database: &str, extra: &[&str], status, parts| {
        let mut arguments = vec!["--database", database];
        arguments.extend(listen);
        arguments.extend(extra);
        one(&arguments, "database", status, parts);
    };
    one(
        &at("new.db"),
        &[],
        "ok",
        ["does not exist yet", "serve makes it"],
    );
    assert!(!folder.join("new.db").exists());
    one(
        &at("new.db"),
        &["--no-migrate"],
        "fault",
        ["has no tables", "run helvetisafe-server migrate --database"],
    );
    one(
        &at("absent/new.db"),
        &[],
        "fault",
        ["/absent does not exist", "mkdir -p -m 0700"],
    );
    fs::write(
        folder.join("text.db"),
        "this is no database, whatever its name says",
    )
    .unwrap();
    // Its mode does not matter.
    fs::set_permissions(folder.join("text.db"), fs::Permissions::from_mode(0o644)).unwrap();
    for (name, problem, remedy) in [
        (
            "text.db",
            "is not a database of SQLite",
            "name the database of a vault",
        ),
        ("", "is a folder", "name a file in it"),
    ] {
        one(&at(name), &[], "fault", [problem, remedy]);
        for command in ["serve", "migrate"] {
            let database = format!("sqlite:{}", folder.join(name).display());
            let (code, _, stderr) = run(&[command, "--database", &database]);
            assert_eq!(code, Some(1));
            let is_clear = stderr.contains(problem) && stderr.contains(remedy);
            assert!(is_clear, "{stderr}");
        }
    }
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o644)).unwrap();
    one(
        &at("vault.db"),
        &[],
        "fault",
        ["can be read by other users", "chmod 600"],
    );
}

#[test]
fn a_database_that_a_vault_uses_is_a_fault() {
    let state = State::new();
    let database = state.database();
    let arguments = ["--database", &database, "--listen", "127.0.0.1:0"];
    let lock = state.folder.path().join("vault.db.lock");
    let serve = Serve::start(&state, &[]);
    one(
        &arguments,
        "database",
        "fault",
        ["another process uses it", "stop that process"],
    );
    serve.stop();
    one(&arguments, "database", "ok", ["has the tables", ""]);
    fs::remove_file(&lock).unwrap();
    one(&arguments, "database", "ok", ["has the tables", ""]);
    assert!(!lock.exists(), "check makes no file");
    // It keeps no lock.
    Serve::start(&state, &[]).stop();
}

/// Settings with which a vault serves, but that an operator should change.
#[test]
fn careless_settings_are_warnings() {
    let state = State::new();
    let folder = state.folder.path();
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let file = folder.join("server.toml");
    let text = format!(
        "database = {:?}\nlisten = \"127.0.0.1:0\"\nmetrics-listen = \"0.0.0.0:0\"\n\
         trusted-proxy = [\"10.0.0.0/8\", \"::/0\"]\nmax-connections = 1000000\n",
        state.database()
    );
    fs::write(&file, text).unwrap();
    mode(&file, 0o664);
    mode(folder, 0o770);
    let arguments = ["--config", file.to_str().unwrap()];
    for (name, parts) in [
        (
            "configuration",
            ["can be written by other users", "chmod go-w"],
        ),
        (
            "metrics-listen",
            ["metrics need no credential", "127.0.0.1"],
        ),
        (
            "trusted-proxy",
            ["::/0: has every address", "proxies alone"],
        ),
        (
            "open-files",
            ["1000000 connections need 1000096", "ulimit -n"],
        ),
        (
            "database",
            ["other users can replace files in", "chmod go-w"],
        ),
    ] {
        one(&arguments, name, "warning", parts);
    }
    mode(&file, 0o644);
    mode(folder, 0o700);
    let (_, checks) = check(&arguments, "configuration");
    assert_eq!(checks.len(), 1, "{checks:?}");
}

#[test]
fn one_port_for_clients_and_metrics_is_a_fault() {
    let state = State::new();
    let database = state.database();
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (listen, metrics) = (free.to_string(), format!("0.0.0.0:{}", free.port()));
    let arguments = [
        "--database",
        &database,
        "--listen",
        &listen,
        "--metrics-listen",
        &metrics,
    ];
    one(
        &arguments,
        "metrics-listen",
        "fault",
        ["is the port of --listen, too", "choose another port"],
    );
}

/// Returns a command of a user who may not use the files; `None` if this machine does not let it run the program.
fn as_another_user(state: &State, arguments: &[&str]) -> Option<std::process::Output> {
    use std::os::unix::process::CommandExt;
    let mut command = crate::process::command(arguments);
    match fs::metadata(state.path()).unwrap().uid() {
        0 => {
            command.uid(65_534).gid(65_534).current_dir("/");
        }
        // For another user than root, the mode is enough.
        _ => {
            for file in fs::read_dir(state.folder.path()).unwrap() {
                let closed = fs::Permissions::from_mode(0o000);
                fs::set_permissions(file.unwrap().path(), closed).unwrap();
            }
        }
    }
    command.output().ok()
}

#[test]
fn a_file_of_another_user_is_named_with_its_owner() {
    let state = State::new();
    fs::set_permissions(state.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (database, path) = (state.database(), state.path());
    let output = "/tmp/helvetisafe-test-backup.db";
    for arguments in [
        &["serve", "--database", &database, "--listen", "127.0.0.1:0"][..],
        &["check", "--database", &database, "--listen", "127.0.0.1:0"],
        &["migrate", "--database", &database],
        &["init", "--database", &database],
        &["backup", "--database", &database, "--output", output],
        &["audit", "verify", "--database", &database],
    ] {
        let Some(output) = as_another_user(&state, arguments) else {
            eprintln!("not tested: another user may not run the program");
            return;
        };
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        for part in [
            path.to_str().unwrap(),
            "Permission denied",
            "it belongs to the user ",
            "check its owner and mode",
        ] {
            assert!(text.contains(part), "{arguments:?}: {part}\n{text}");
        }
        assert!(!text.contains("immutable"), "{arguments:?}: {text}");
    }
}
