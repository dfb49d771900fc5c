//! Output and prompts on a real terminal.

use std::process::Command;
use std::time::Duration;

use helvetisafe_test_support::{Action, server};
use rexpect::process::{Signal, WaitStatus};
use rexpect::session::{PtySession, spawn_command};

use crate::world::{World, start_proxy};

fn start(command: Command) -> PtySession {
    start_as(command, "xterm")
}

fn start_as(mut command: Command, term: &str) -> PtySession {
    command.env("TERM", term);
    spawn_command(command, Some(60_000)).unwrap()
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command();
    command.args(arguments);
    command
}

/// Returns everything that is shown until the command ends.
pub(crate) fn shown(command: Command) -> String {
    start(command).exp_eof().unwrap()
}

/// Returns everything that is shown on a terminal of this kind.
pub(crate) fn shown_as(command: Command, term: &str) -> String {
    start_as(command, term).exp_eof().unwrap()
}

fn set(world: &World, key: &str, value: &str) {
    let mut session = start(command(world, &["set", key]));
    for prompt in ["Value of ", "again: "] {
        session.exp_string(prompt).unwrap();
        session.send_line(value).unwrap();
    }
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains(&format!("created `{key}`")), "{rest}");
}

#[test]
fn a_value_is_prompted_twice_and_never_shown() {
    let world = World::new();
    let mut session = start(command(&world, &["set", "KEY"]));
    let mut all = session.exp_string("Value of KEY: ").unwrap();
    session.send_line("hunter2").unwrap();
    all += &session.exp_string("Value of KEY, again: ").unwrap();
    session.send_line("hunter3").unwrap();
    all += &session.exp_eof().unwrap();
    assert!(all.contains("the two values differ"), "{all}");
    assert!(!all.contains("hunter"), "{all}");

    set(&world, "KEY", "hunter2");
    let value = shown(command(&world, &["get", "KEY"]));
    assert_eq!(value, "hunter2\r\n");
}

/// Starts `init` without credentials in the environment.
fn start_init(world: &World) -> PtySession {
    let mut command = command(world, &["init"]);
    for (name, _) in world.credentials() {
        command.env_remove(name);
    }
    command.env_remove("HELVETISAFE_BASE_URL");
    start(command)
}

/// Answers questions. Returns everything that is shown.
fn answer(mut session: PtySession, answers: &[(&str, &str)]) -> String {
    let mut all = String::new();
    for (question, answer) in answers {
        all += &session.exp_string(question).unwrap();
        session.send_line(answer).unwrap();
    }
    all + &session.exp_eof().unwrap()
}

#[test]
fn init_asks_for_what_is_missing_and_shows_no_secret() {
    let world = World::new();
    let (url, secret) = (world.name("URL"), world.name("CLIENT_SECRET"));
    let all = answer(
        start_init(&world),
        &[
            ("Name of the profile [default]:", ""),
            ("URL of the vault:", "vault.example"),
            ("URL of the vault:", &url),
            (
                "Client id, or nothing for an API token:",
                &world.name("CLIENT_ID"),
            ),
            ("Client secret:", &secret),
            ("File with the private key, or nothing", "~/key.pem"),
        ],
    );
    assert!(!all.contains(&secret), "{all}");
    assert!(all.contains("wrote the profile `default`"), "{all}");
    assert!(
        all.contains("org-key        the private key unwraps it"),
        "{all}"
    );

    let mut list = command(&world, &["list", "--keys", "--timeout", "9s"]);
    list.env_remove("HELVETISAFE_BASE_URL");
    for (name, _) in world.credentials() {
        list.env_remove(name);
    }
    assert!(list.status().unwrap().success());
}

#[test]
fn init_asks_for_a_token_and_a_password() {
    let world = World::new();
    let (token, password) = (world.name("API_TOKEN"), world.name("PASSWORD"));
    let all = answer(
        start_init(&world),
        &[
            ("Name of the profile", "prod"),
            ("URL of the vault", &world.name("URL")),
            ("Client id, or nothing", ""),
            ("API token, or - for a client id:", &token),
            ("File with the private key, or nothing", ""),
            (
                "Password of the private key, or - for a file with the key:",
                &password,
            ),
        ],
    );
    assert!(!all.contains(&token) && !all.contains(&password), "{all}");
    assert!(all.contains("wrote the profile `prod`"), "{all}");
}

/// After a mistake `init` asks for the wrong answer alone.
#[test]
fn init_asks_again_for_the_answer_that_was_wrong() {
    let world = World::new();
    world.reader_names();
    world.write("broken.pem", "no key", 0o600);
    let closed = server::closed_url();
    let (url, id, secret) = (
        world.name("URL"),
        world.name("CLIENT_ID"),
        world.name("CLIENT_SECRET"),
    );
    let id_again = format!("or - for an API token [{id}]:");
    let all = answer(
        start_init(&world),
        &[
            ("Name of the profile [default]:", "a b"),
            ("Name of the profile [default]:", ""),
            ("URL of the vault:", "vault.example"),
            ("URL of the vault:", "http://vault.example"),
            ("URL of the vault:", &closed),
            ("URL of the vault:", &url),
            ("Client id, or nothing for an API token:", "a b"),
            ("Client id, or nothing for an API token:", &id),
            ("Client secret:", ""),
            ("Client secret:", "wrong"),
            ("File with the private key, or nothing", "nowhere.pem"),
            ("under a password [nowhere.pem]:", "broken.pem"),
            ("under a password [broken.pem]:", "reader.pem"),
            (&id_again, ""),
            ("Client secret:", &secret),
            ("under a password [reader.pem]:", "~/key.pem"),
        ],
    );
    assert!(!all.contains(&secret), "{all}");
    assert!(all.contains("wrote the profile `default`"), "{all}");
    assert!(all.contains("ok       token"), "{all}");
    assert!(all.contains(": no connection (Connection refused"), "{all}");
}

/// No secret is typed in vain.
#[test]
fn init_connects_to_the_url_of_a_flag_before_it_asks() {
    let world = World::new();
    let closed = server::closed_url();
    let mut command = command(&world, &["init", "--profile", "dev", "--base-url", &closed]);
    for (name, _) in world.credentials() {
        command.env_remove(name);
    }
    command.env_remove("HELVETISAFE_BASE_URL");
    let all = shown(command);
    assert!(
        all.contains("no connection") && all.contains("nothing was written"),
        "{all}"
    );
    assert!(!all.contains("Client id"), "{all}");
}

#[test]
fn init_asks_again_for_a_token_and_a_password() {
    let world = World::new();
    let (token, password) = (world.name("API_TOKEN"), world.name("PASSWORD"));
    let all = answer(
        start_init(&world),
        &[
            ("Name of the profile", ""),
            ("URL of the vault", &world.name("URL")),
            ("Client id, or nothing", ""),
            ("API token, or - for a client id:", "wrong"),
            ("File with the private key, or nothing", ""),
            (
                "Password of the private key, or - for a file with the key:",
                "wrong",
            ),
            ("API token, or - for a client id:", &token),
            (
                "Password of the private key, or - for a file with the key:",
                &password,
            ),
        ],
    );
    assert!(!all.contains(&token) && !all.contains(&password), "{all}");
    assert!(all.contains("wrote the profile `default`"), "{all}");
}

#[test]
fn init_asks_again_for_a_passphrase() {
    let world = World::new();
    world.write("locked.pem", &locked_pem(&world), 0o600);
    let all = answer(
        start_init(&world),
        &[
            ("Name of the profile", ""),
            ("URL of the vault", &world.name("URL")),
            ("Client id, or nothing", &world.name("CLIENT_ID")),
            ("Client secret:", &world.name("CLIENT_SECRET")),
            ("File with the private key, or nothing", "locked.pem"),
            ("Passphrase of the private key:", "wrong"),
            ("Passphrase of the private key:", "horse"),
        ],
    );
    assert!(all.contains("wrote the profile `default`"), "{all}");
}

/// Returns the owner's key under the passphrase `horse`, as OpenSSL writes it.
fn locked_pem(world: &World) -> String {
    let output = Command::new("openssl")
        .args([
            "pkcs8",
            "-topk8",
            "-passout",
            "pass:horse",
            "-in",
            "key.pem",
        ])
        .current_dir(world.folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A wrong credential in a variable is no answer.
#[test]
fn init_does_not_ask_for_what_a_variable_has() {
    let world = World::new();
    let mut command = command(&world, &["init", "--profile", "dev"]);
    command.env("HELVETISAFE_CLIENT_SECRET", "wrong");
    let all = answer(start(command), &[("URL of the vault", "")]);
    assert!(all.contains("invalid_client"), "{all}");
    assert!(all.contains("nothing was written"), "{all}");
    assert!(!world.folder.path().join(".config").exists());
}

/// The settings of the profile are the defaults.
#[test]
fn init_offers_to_replace_a_profile() {
    let world = World::new();
    let secret = world.name("CLIENT_SECRET");
    let id = world.name("CLIENT_ID");
    let old = format!(
        "[profiles.default]\nbase_url = \"{}\"\nclient_id = \"{id}\"\n\
         client_secret_file = \"default.client-secret\" # made by init for config.toml\nprivate_key_path = \"~/key.pem\"\n",
        world.name("URL")
    );
    let folder = world.folder.path().join(".config/helvetisafe");
    std::fs::create_dir_all(&folder).unwrap();
    world.write(".config/helvetisafe/config.toml", &old, 0o600);
    world.write(".config/helvetisafe/default.client-secret", "old", 0o600);
    let first = ("Name of the profile", "");
    let kept = answer(
        start_init(&world),
        &[
            first,
            ("replace it? [y/N]", "n"),
            ("Name of the profile", "\u{4}"),
        ],
    );
    assert!(!kept.contains("wrote"), "{kept}");
    assert!(folder.join("default.client-secret").exists());
    let all = answer(
        start_init(&world),
        &[
            first,
            ("replace it? [y/N]", "y"),
            (&format!("URL of the vault [{}]:", world.name("URL")), ""),
            (&format!("or - for an API token [{id}]:"), ""),
            (
                "Client secret, or nothing to keep that of the profile:",
                &secret,
            ),
            ("key.pem]:", ""),
        ],
    );
    assert!(all.contains("wrote the profile `default`"), "{all}");
    assert!(!folder.join("default.client-secret").exists());
    let new = std::fs::read_to_string(folder.join("default.client-secret.2")).unwrap();
    assert_eq!(new, secret);
}

/// The secrets of the profile stay in their files, and variables with other values are named.
#[test]
fn init_keeps_the_secrets_of_a_profile_that_it_replaces() {
    let world = World::new();
    let id = world.name("CLIENT_ID");
    let old = format!(
        "[profiles.default]\nbase_url = \"{}\"\nclient_id = \"{id}\"\n\
         client_secret_file = \"default.client-secret\" # made by init\nprivate_key_path = \"~/key.pem\"\n",
        world.name("URL")
    );
    let folder = world.folder.path().join(".config/helvetisafe");
    std::fs::create_dir_all(&folder).unwrap();
    world.write(".config/helvetisafe/config.toml", &old, 0o600);
    let secret = world.name("CLIENT_SECRET");
    world.write(".config/helvetisafe/default.client-secret", &secret, 0o600);
    for (variable, note) in [
        (world.name("URL"), "HELVETISAFE_BASE_URL have the values"),
        (
            "http://localhost:1".to_owned(),
            "HELVETISAFE_BASE_URL has another value than the profile",
        ),
    ] {
        let mut command = command(&world, &["init", "--profile", "default", "--replace"]);
        for (name, _) in world.credentials() {
            command.env_remove(name);
        }
        command.env("HELVETISAFE_BASE_URL", &variable);
        let all = answer(
            start(command),
            &[
                (
                    &format!("URL of the vault [{variable}]:"),
                    &world.name("URL"),
                ),
                (&format!("or - for an API token [{id}]:"), ""),
                ("Client secret, or nothing to keep that of the profile:", ""),
                ("key.pem]:", ""),
            ],
        );
        assert!(all.contains("wrote the profile `default`"), "{all}");
        assert!(all.contains(note), "{all}");
        let kept = std::fs::read_to_string(folder.join("default.client-secret")).unwrap();
        assert_eq!(kept, secret);
        let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
        let line =
            "client_secret_file = \"default.client-secret\" # made by init for config.toml\n";
        assert!(config.contains(line), "{config}");
    }
}

#[test]
fn init_goes_back_from_a_token_and_a_password() {
    let world = World::new();
    let all = answer(
        start_init(&world),
        &[
            ("Name of the profile", ""),
            ("URL of the vault", &world.name("URL")),
            ("Client id, or nothing", ""),
            ("API token, or - for a client id:", "wrong"),
            ("File with the private key, or nothing", ""),
            (
                "Password of the private key, or - for a file with the key:",
                "wrong",
            ),
            ("API token, or - for a client id:", "-"),
            ("Client id, or nothing", &world.name("CLIENT_ID")),
            ("Client secret:", &world.name("CLIENT_SECRET")),
            (
                "Password of the private key, or - for a file with the key:",
                "-",
            ),
            ("File with the private key, or nothing", "~/key.pem"),
        ],
    );
    assert!(all.contains("wrote the profile `default`"), "{all}");
}

/// The authority is asked, since no other answer helps.
#[test]
fn init_asks_for_the_authority_of_an_unknown_certificate() {
    let world = World::new();
    let (port, authority) = helvetisafe_test_support::tls_server::start();
    world.write("ca.pem", &authority, 0o600);
    world.write("not.pem", "no certificate", 0o600);
    let url = format!("https://localhost:{port}");
    let question = "File with the certificate of its authority, or";
    let all = answer(
        start_init(&world),
        &[
            ("Name of the profile", ""),
            ("URL of the vault", &url),
            ("Client id, or nothing", &world.name("CLIENT_ID")),
            ("Client secret:", &world.name("CLIENT_SECRET")),
            ("File with the private key, or nothing", "~/key.pem"),
            (question, "not.pem"),
            (question, ""),
            (&format!("URL of the vault [{url}]:"), ""),
            (question, "ca.pem"),
            // This server answers everything with 404.
            (&format!("URL of the vault [{url}]:"), "\u{4}"),
        ],
    );
    assert!(all.contains("not.pem has no certificate"), "{all}");
}

#[test]
fn the_removal_of_a_profile_asks_for_confirmation() {
    let world = World::new();
    let config = "[profiles.a]\npassword_file = \"a.password\" # made by init\n";
    world.write("config.toml", config, 0o600);
    world.write("a.password", "x", 0o600);
    for (answer, result, is_there) in [
        ("n", "nothing was removed", true),
        ("y", "removed a.password", false),
    ] {
        let arguments = ["--config", "config.toml", "config", "remove", "a"];
        let mut session = start(command(&world, &arguments));
        let question = "remove the profile `a` from config.toml, and a.password? [y/N]";
        session.exp_string(question).unwrap();
        session.send_line(answer).unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(rest.contains(result), "{rest}");
        assert_eq!(world.folder.path().join("a.password").exists(), is_there);
    }
}

#[test]
fn init_leaves_nothing_when_it_is_cancelled() {
    let world = World::new();
    let questions = [
        ("Name of the profile", ""),
        ("URL of the vault", &*world.name("URL")),
        ("Client id, or nothing", &*world.name("CLIENT_ID")),
        ("Client secret:", "wrong"),
        ("File with the private key", "~/key.pem"),
        ("or - for an API token", ""),
        ("Client secret:", ""),
    ];
    for (end, key) in (0..questions.len()).flat_map(|end| [(end, 'c'), (end, 'd')]) {
        let mut session = start_init(&world);
        for (question, answer) in &questions[..end] {
            session.exp_string(question).unwrap();
            session.send_line(answer).unwrap();
        }
        session.exp_string(questions[end].0).unwrap();
        session.send_control(key).unwrap();
        let all = session.exp_eof().unwrap();
        let status = session.process_mut().wait().unwrap();
        match key {
            'c' => assert!(
                matches!(status, WaitStatus::Signaled(_, Signal::SIGINT, _)),
                "{end}: {status:?} {all}"
            ),
            _ => assert!(
                matches!(status, WaitStatus::Exited(_, 2)),
                "{end}: {status:?} {all}"
            ),
        }
        assert!(!world.folder.path().join(".config").exists(), "{end}");
    }
}

#[test]
fn an_empty_value_is_refused_before_it_is_asked_again() {
    let world = World::new();
    let mut session = start(command(&world, &["set", "KEY"]));
    session.exp_string("Value of KEY: ").unwrap();
    session.send_line("").unwrap();
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("the value is empty"), "{rest}");
    assert!(!rest.contains("again"), "{rest}");

    let mut session = start(command(&world, &["set", "KEY", "--allow-empty"]));
    for prompt in ["Value of KEY: ", "Value of KEY, again: "] {
        session.exp_string(prompt).unwrap();
        session.send_line("").unwrap();
    }
    let rest = session.exp_eof().unwrap();
    assert!(rest.contains("created `KEY`"), "{rest}");
}

#[test]
fn a_table_has_a_heading_and_expiries_in_words() {
    let world = World::new();
    let empty = shown(command(&world, &["list", "--color", "never"]));
    assert!(empty.ends_with("helvetisafe: no secrets\r\n"), "{empty}");

    shown(command(
        &world,
        &["set", "SHORT", "--generate", "--expires-in", "73h"],
    ));
    shown(command(&world, &["set", "A_LONGER_NAME", "--generate"]));
    let table = shown(command(&world, &["list", "--color", "never"]));
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("KEY            CREATED (UTC)"),
        "{table}"
    );
    assert!(lines[1].starts_with("A_LONGER_NAME  20"), "{table}");
    assert!(lines[1].ends_with("never"), "{table}");
    assert!(lines[2].starts_with("SHORT          20"), "{table}");
    assert!(lines[2].ends_with("in 3 days"), "{table}");
}

#[test]
fn remembered_org_keys_are_a_table() {
    let world = World::new();
    let list = || shown(command(&world, &["trust", "list", "--color", "never"]));
    assert!(list().ends_with("no org key is remembered\r\n"));
    shown(command(&world, &["list"]));
    let table = list();
    let lines: Vec<_> = table.lines().collect();
    let columns = |line: &str| -> Vec<_> {
        let cells = line.split("  ").map(|cell| cell.trim().to_owned());
        cells.filter(|cell| !cell.is_empty()).collect()
    };
    let heading = ["VAULT", "ACCOUNT", "ORG KEY", "SINCE", "CONFIRMED"];
    assert_eq!(columns(lines[0]), heading, "{table}");
    let row = columns(lines[1]);
    let account = format!("client-id {}", world.name("CLIENT_ID"));
    assert_eq!(row[..3], [world.name("URL"), account, world.fingerprint()]);
    assert_eq!(row[4], "yes", "{table}");
}

#[test]
fn colours_are_used_only_on_terminals_that_want_them() {
    let world = World::new();
    let failing = || command(&world, &["get", "NOTHING"]);
    assert!(shown(failing()).contains("\u{1b}["));
    let mut plain = failing();
    plain.env("NO_COLOR", "1");
    assert!(!shown(plain).contains('\u{1b}'));
    let never = command(&world, &["get", "NOTHING", "--color", "never"]);
    assert!(!shown(never).contains('\u{1b}'));
}

#[test]
fn a_value_cannot_drive_the_terminal() {
    let world = World::new();
    let folder = world.folder.path();
    std::fs::write(folder.join("value"), "a\u{1b}[2J\tb\nc\u{9b}\u{202e}").unwrap();
    shown(command(&world, &["set", "KEY", "--value-file", "value"]));
    let value = shown(command(&world, &["get", "KEY"]));
    assert_eq!(value, "a\\u001b[2J\tb\r\nc\\u009b\\u202e\r\n");
}

#[test]
fn a_progress_bar_appears_before_the_first_result() {
    let world = World::new();
    world.set("KEY", "hunter2");
    let slow_once = || {
        let proxy = start_proxy(|seen, before| {
            let is_first = before.iter().all(|other| other.path != seen.path);
            match seen.path.ends_with("/KEY") && is_first {
                true => Action::Stall(Duration::from_millis(1500)),
                false => Action::Forward,
            }
        });
        proxy.base_url()
    };
    let export = |options: &[&str]| {
        let mut command = command(&world, &["export", "--format", "json", "--key", "KEY"]);
        command
            .args(options)
            .env("HELVETISAFE_BASE_URL", slow_once());
        command
    };
    let all = shown(export(&[]));
    assert!(all.contains("0 of 1"), "{all}");
    let all = shown(export(&["--quiet"]));
    assert!(all.contains("hunter2") && !all.contains(" of 1"), "{all}");
    let piped = export(&[]).output().unwrap();
    assert!(piped.status.success());
    assert_eq!(piped.stderr, b"");
}

#[test]
fn ctrl_c_clears_the_progress_bar() {
    let world = World::new();
    world.set("KEY", "hunter2");
    let proxy = start_proxy(|seen, _| match seen.path.ends_with("/KEY") {
        true => Action::Stall(Duration::from_secs(20)),
        false => Action::Forward,
    });
    for (signal, key) in KEYS.map(|(key, signal)| (signal, key)) {
        let mut command = command(&world, &["export", "--format", "json", "--key", "KEY"]);
        command.env("HELVETISAFE_BASE_URL", proxy.base_url());
        let mut session = start(command);
        session.exp_string("0 of 1").unwrap();
        session.send_control(key).unwrap();
        let rest = session.exp_eof().unwrap();
        // The line of the bar is erased, and not drawn again.
        let (_, after) = rest
            .rsplit_once("\u{1b}[2K")
            .unwrap_or_else(|| panic!("{rest:?}"));
        assert!(!after.contains(" of 1"), "{rest:?}");
        let status = session.process_mut().wait().unwrap();
        assert!(
            matches!(status, WaitStatus::Signaled(_, found, _) if found == signal),
            "{status:?}"
        );
    }
}

#[test]
fn a_delete_asks_for_confirmation() {
    let world = World::new();
    shown(command(&world, &["set", "A", "--generate"]));
    for (answer, result) in [("n", "nothing was deleted"), ("y", "deleted `A`")] {
        let mut session = start(command(&world, &["delete", "A"]));
        session.exp_string("delete A? [y/N]").unwrap();
        session.send_line(answer).unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(rest.contains(result), "{rest}");
    }
    let gone = shown(command(&world, &["delete", "A", "--yes"]));
    assert!(gone.contains("there is no secret `A`"), "{gone}");
}

/// Starts a shell script on a terminal that echoes. Its `is_as_before` compares the terminal's settings with
/// those at the start.
fn script(world: &World, text: &str) -> PtySession {
    let mut command = Command::new("sh");
    world.prepare(&mut command);
    let begin = "stty echo; stty -a > before; \
                 is_as_before() { stty -a > now; cmp before now && echo as before; };";
    command.args(["-c", &format!("{begin} {text}")]);
    start(command)
}

const KEYS: [(char, Signal); 2] = [('c', Signal::SIGINT), ('\\', Signal::SIGQUIT)];
const SIGNALS: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGABRT,
    Signal::SIGALRM,
    Signal::SIGPROF,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGVTALRM,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
];

/// Sends a signal to the process whose id is in the file `id`.
fn send(world: &World, signal: Signal) {
    let id = std::fs::read_to_string(world.folder.path().join("id")).unwrap();
    let mut kill = Command::new("kill");
    kill.args(["-s", signal.as_str().trim_start_matches("SIG"), id.trim()]);
    assert!(kill.status().unwrap().success());
}

#[test]
fn a_signal_at_a_hidden_prompt_restores_the_terminal() {
    let world = World::new();
    let set = "trap : INT QUIT; sh -c 'echo $$ > id; exec helvetisafe set KEY'; \
               echo status $?; is_as_before";
    for question in ["Value of KEY: ", "Value of KEY, again: "] {
        let ask = || {
            let mut session = script(&world, set);
            session.exp_string("Value of KEY: ").unwrap();
            if question.contains("again") {
                session.send_line("hunter2").unwrap();
                session.exp_string(question).unwrap();
            }
            session.send("hunt").unwrap();
            session
        };
        let check = |mut session: PtySession, signal: Signal| {
            let all = session.exp_eof().unwrap();
            let status = format!("status {}\r\n", 128 + signal as i32);
            assert!(all.contains(&status), "{signal}: {all}");
            assert!(all.contains("as before"), "{signal}: {all}");
            assert!(!all.contains("hunt"), "{signal}: {all}");
        };
        for (key, signal) in KEYS {
            let mut session = ask();
            session.send_control(key).unwrap();
            check(session, signal);
        }
        for &signal in SIGNALS {
            let session = ask();
            send(&world, signal);
            check(session, signal);
        }
    }
}

#[test]
fn a_signal_at_a_hidden_prompt_kills_the_command() {
    let world = World::new();
    for (key, signal) in KEYS {
        let mut session = start(command(&world, &["set", "KEY"]));
        session.exp_string("Value of KEY: ").unwrap();
        session.send_control(key).unwrap();
        session.exp_eof().unwrap();
        match session.process().wait().unwrap() {
            WaitStatus::Signaled(_, by, _) => assert_eq!(by, signal),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn ctrl_c_at_a_hidden_prompt_ends_a_loop_around_it() {
    let world = World::new();
    for shell in ["sh", "bash"] {
        let mut command = Command::new(shell);
        world.prepare(&mut command);
        command.args(["-c", "while true; do helvetisafe set KEY; done"]);
        let mut session = start(command);
        session.exp_string("Value of KEY: ").unwrap();
        session.send_control('c').unwrap();
        let rest = session.exp_eof().unwrap();
        assert!(!rest.contains("Value of"), "{shell}: {rest}");
    }
}

#[test]
fn a_stopped_prompt_leaves_the_terminal_alone_and_asks_again() {
    let world = World::new();
    let stop = "set -m; helvetisafe set KEY; is_as_before; fg; echo status $?; is_as_before";
    let mut session = script(&world, stop);
    session.exp_string("Value of KEY: ").unwrap();
    session.send("half").unwrap();
    session.send_control('z').unwrap();
    session.exp_string("as before").unwrap();
    let mut all = session.exp_string("Value of KEY: ").unwrap();
    for prompt in ["Value of KEY, again: ", "created"] {
        session.send_line("hunter2").unwrap();
        all += &session.exp_string(prompt).unwrap();
    }
    all += &session.exp_eof().unwrap();
    assert!(all.contains("status 0\r\nas before"), "{all}");
    assert!(!all.contains("hunter2"), "{all}");
    let value = shown(command(&world, &["get", "KEY"]));
    assert_eq!(
        value, "hunter2\r\n",
        "what was typed before the stop is gone"
    );
}

/// Without job control no shell could resume the command.
#[test]
fn ctrl_z_without_job_control_stops_nothing() {
    let world = World::new();
    let mut session = start(command(&world, &["set", "KEY"]));
    session.exp_string("Value of KEY: ").unwrap();
    session.send_control('z').unwrap();
    session.send_line("hunter2").unwrap();
    session.exp_string("again: ").unwrap();
    session.send_line("hunter2").unwrap();
    session.exp_string("created").unwrap();
}

#[test]
fn after_the_prompts_signals_act_normally() {
    let world = World::new();
    let silent = server::serve_bytes("");
    let mut command = command(&world, &["create", "KEY"]);
    command.env("HELVETISAFE_BASE_URL", silent);
    let mut session = start(command);
    for prompt in ["Value of KEY: ", "again: "] {
        session.exp_string(prompt).unwrap();
        session.send_line("hunter2").unwrap();
    }
    session.exp_string("\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    session.send_control('c').unwrap();
    let begin = std::time::Instant::now();
    session.exp_eof().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2));
    let status = session.process().wait().unwrap();
    let is_by_signal = matches!(status, WaitStatus::Signaled(_, Signal::SIGINT, _));
    assert!(is_by_signal, "{status:?}");
}

/// The user does not type a value in vain.
#[test]
fn fields_that_would_be_lost_are_named_before_the_first_prompt() {
    let world = World::new();
    let fields = [("HOST", "h"), ("PASS", "p")];
    let client = world.client();
    client
        .secrets()
        .create_fields("KEY", &fields, None)
        .unwrap();
    for verb in ["set", "update"] {
        let mut session = start(command(&world, &[verb, "KEY"]));
        let text = session.exp_eof().unwrap();
        assert!(
            text.contains("the fields HOST, PASS, which would be lost"),
            "{text}"
        );
        assert!(!text.contains("Value of"), "{text}");
    }
}
