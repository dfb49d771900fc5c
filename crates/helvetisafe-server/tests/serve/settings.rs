//! The file, the environment and the command line.

use std::fs;

use crate::process::{Serve, command, run};
use crate::state::State;

#[test]
fn a_file_is_enough_and_variables_and_options_outweigh_it() {
    let state = State::new();
    let file = state.folder.path().join("server.toml");
    let text = format!(
        "database = {:?}\nlisten = \"127.0.0.1:0\"\nlog-format = \"json\"\n\
         limit-requests = \"off\"\nmax-connections = 8\nno-migrate = true\n",
        state.database()
    );
    fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let serve = Serve::spawn(command(&["serve", "--config", path]));
    assert!(serve.seen[0].starts_with("{\""), "{:?}", serve.seen);
    serve.stop();

    let mut with_variable = command(&["serve", "--no-migrate=false"]);
    with_variable
        .env("HELVETISAFE_SERVER_CONFIG", path)
        .env("HELVETISAFE_SERVER_LOG_FORMAT", "text");
    let serve = Serve::spawn(with_variable);
    let (time, line) = serve.seen[0].split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.len() == 24, "{time}");
    let expected = format!(
        "helvetisafe-server: starts version {} with the database {}",
        env!("CARGO_PKG_VERSION"),
        state.database()
    );
    assert_eq!(line, expected);
    assert!(
        serve.seen[1].contains("Z helvetisafe-server: serves"),
        "{:?}",
        serve.seen
    );
    serve.stop();

    let mut outweighed = command(&["serve", "--config", path, "--log-format", "text"]);
    outweighed.env("HELVETISAFE_SERVER_LOG_FORMAT", "nonsense");
    Serve::spawn(outweighed).stop();
}

#[test]
fn every_wrong_setting_is_reported_with_its_place() {
    let state = State::new();
    let file = state.folder.path().join("server.toml");
    fs::write(&file, "# x\ndrain-delay = \"soon\"\nport = 1\n").unwrap();
    let path = file.to_str().unwrap();
    let mut command = command(&["serve", "--config", path, "--tls-cert", "a"]);
    command.env("HELVETISAFE_SERVER_TRUSTED_PROXY", "10.0.0.0/8,x");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    for line in [
        &format!(
            "{path}, line 2: drain-delay: \"soon\" is not valid; write it like 15s or 1m, up to 1h"
        ),
        &format!("{path}, line 3: port: is not a setting; the settings are database, "),
        "--tls-cert: is given without --tls-key; give both",
        "HELVETISAFE_SERVER_TRUSTED_PROXY: \"x\" is not valid; write a network",
        "--database: is missing; write sqlite:FILE",
    ] {
        let line = format!("helvetisafe-server: ERROR: {line}");
        assert!(
            stderr.lines().any(|it| it.starts_with(&line)),
            "{line}\n{stderr}"
        );
    }
    assert_eq!(stderr.lines().count(), 5, "{stderr}");
}

#[test]
fn a_database_that_must_not_be_migrated_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let database = format!("sqlite:{}", path.display());
    let arguments = [
        "serve",
        "--database",
        &database,
        "--listen",
        "127.0.0.1:0",
        "--no-migrate",
    ];
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("has no tables; run helvetisafe-server migrate --database 'sqlite:"),
        "{stderr}"
    );
    assert!(!path.exists(), "nothing was made");
    let mut serve = Serve::spawn(command(&arguments[..5]));
    serve.signal("TERM");
    assert_eq!(serve.wait().code(), Some(0));
    Serve::spawn(command(&arguments)).stop();
}

#[test]
fn a_database_in_use_is_refused() {
    let state = State::new();
    let serve = Serve::start(&state, &[]);
    let database = state.database();
    let mut arguments = vec!["serve", "--database", &database, "--listen", "127.0.0.1:0"];
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("another process uses it"), "{stderr}");
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    arguments.push("--log-format=json");
    let (_, _, stderr) = run(&arguments);
    let line: serde_json::Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
    assert_eq!(line["level"], "error", "{stderr}");
    serve.stop();
}

/// The journal adds the time itself. A variable that names another stream was inherited.
#[test]
fn the_journal_gets_lines_without_a_time() {
    use std::os::unix::fs::MetadataExt;
    let state = State::new();
    let path = state.folder.path().join("log");
    let database = state.database();
    let first_line = |stream: &dyn Fn(&fs::Metadata) -> String| {
        let file = fs::File::create(&path).unwrap();
        let stream = stream(&file.metadata().unwrap());
        let arguments = ["serve", "--database", &database, "--listen", "127.0.0.1:0"];
        let mut child = command(&arguments)
            .env("JOURNAL_STREAM", stream)
            .stderr(file)
            .spawn()
            .unwrap();
        let text = || fs::read_to_string(&path).unwrap();
        while !text().contains("serves http") {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        text().lines().next().unwrap().to_owned()
    };
    let line = first_line(&|it| format!("{}:{}", it.dev(), it.ino()));
    assert!(line.starts_with("helvetisafe-server: starts"), "{line}");
    let line = first_line(&|it| format!("{}:{}", it.dev(), it.ino() + 1));
    assert!(line.contains("Z helvetisafe-server: starts"), "{line}");
}

#[test]
fn a_misspelt_variable_is_the_whole_report_on_the_configuration() {
    let state = State::new();
    let mut check = command(&[
        "check",
        "--database",
        &state.database(),
        "--listen=127.0.0.1:0",
    ]);
    let output = check
        .env("HELVETISAFE_SERVER_LISTNE", "127.0.0.1:1")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    let found: Vec<_> = stdout
        .lines()
        .filter(|it| it.contains("configuration:"))
        .collect();
    assert_eq!(found.len(), 1, "{stdout}");
    assert!(found[0].starts_with("FAULT"), "{stdout}");
}

#[test]
fn a_path_of_sqlite_takes_no_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}/own.db?x=1", folder.path().display());
    for verb in ["serve", "check", "migrate", "dev"] {
        let (_, stdout, stderr) = run(&[verb, "--database", &database]);
        let all = stdout + &stderr;
        assert!(all.contains("has an unknown parameter"), "{verb}: {all}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
