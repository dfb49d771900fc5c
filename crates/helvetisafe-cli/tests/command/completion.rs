//! Completions in real shells. They ask no vault.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use helvetisafe_test_support::{Action, Proxy};

use crate::organization::{Organization, on_terminal};
use crate::world::{World, start_proxy};

/// A vault with the secrets DB_HOST and DB_PASS, which the index of names has, and two profiles.
fn world() -> (World, Proxy) {
    let world = World::new();
    world.set("DB_HOST", "value");
    world.set("DB_PASS", "value");
    let proxy = start_proxy(|_, _| Action::Forward);
    // Only a command on a terminal writes the index.
    let mut list = world.command();
    list.env("HELVETISAFE_BASE_URL", proxy.base_url())
        .arg("list");
    let listed = crate::terminal::shown(list);
    assert!(listed.contains("DB_HOST"), "{listed}");
    let config = "[profiles.dev]\n[profiles.prod]\nclient_secret_command = [\"touch\", \"run\"]\n";
    world.write("config.toml", config, 0o600);
    world.write("a file", "", 0o600);
    (world, proxy)
}

/// Returns true if a shell is installed. The gate installs those of these tests.
fn is_installed(shell: &str) -> bool {
    let found = Command::new(shell).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: {shell} is not installed");
    }
    found
}

/// Runs a script of a shell, and returns its output, sorted.
fn run(world: &World, proxy: &Proxy, shell: &str, script: &str) -> Vec<String> {
    let mut command = Command::new(shell);
    world.prepare(&mut command);
    let output = command
        .env("HELVETISAFE_BASE_URL", proxy.base_url())
        .env("HELVETISAFE_CONFIG", "config.toml")
        .args(["-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{script}");
    let mut lines: Vec<_> = stdout.lines().map(|line| line.trim().to_owned()).collect();
    lines.sort();
    lines
}

/// Completes a line in bash, which splits words at `=` too.
fn bash(world: &World, proxy: &Proxy, line: &str) -> Vec<String> {
    let words = line.replace('=', " = ");
    let mut words: Vec<_> = words.split(' ').collect();
    if line.ends_with('=') {
        words.pop();
    }
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let last = words
        .last()
        .copied()
        .filter(|word| *word != "=")
        .unwrap_or_default();
    let script = format!(
        "source <(helvetisafe completions bash); \
         f=$(complete -p helvetisafe); f=${{f##*-F }}; f=${{f%% *}}; \
         COMP_WORDS=({}); COMP_CWORD={}; COMP_LINE='{line}'; COMP_POINT={}; \
         $f helvetisafe '{last}' '' 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1,
        line.len()
    );
    run(world, proxy, "bash", &script)
}

/// Completes a line in fish; without the descriptions.
fn fish(world: &World, proxy: &Proxy, line: &str) -> Vec<String> {
    let script = format!(
        "helvetisafe completions fish | source; complete -C '{line}' | string split -f1 \\t"
    );
    run(world, proxy, "fish", &script)
}

#[test]
fn values_after_an_equals_sign_are_completed() {
    if !is_installed("fish") {
        return;
    }
    let (world, proxy) = world();
    for line in [
        "helvetisafe export --format=sh",
        "helvetisafe export --format sh",
    ] {
        assert_eq!(bash(&world, &proxy, line), ["shell"], "{line}");
    }
    assert_eq!(
        bash(&world, &proxy, "helvetisafe list --color="),
        ["always", "auto", "never"]
    );
    assert_eq!(
        fish(&world, &proxy, "helvetisafe export --format=sh"),
        ["--format=shell"]
    );
}

#[test]
fn keys_and_profiles_are_completed_without_the_vault() {
    if !is_installed("fish") {
        return;
    }
    let (world, proxy) = world();
    let before = proxy.log().len();
    for complete in [bash, fish] {
        for (line, expected) in [
            ("helvetisafe get DB_", &["DB_HOST", "DB_PASS"][..]),
            ("helvetisafe get DB_HOST DB_P", &["DB_PASS"]),
            ("helvetisafe run --key DB_H", &["DB_HOST"]),
            ("helvetisafe rotate DB_H", &["DB_HOST"]),
            ("helvetisafe copy DB_H", &["DB_HOST"]),
            ("helvetisafe list --profile d", &["dev"]),
            ("helvetisafe --profile p", &["prod"]),
            ("helvetisafe config remove p", &["prod"]),
            ("helvetisafe get X", &[]),
        ] {
            let found = complete(&world, &proxy, line);
            let found: Vec<_> = found.iter().filter(|it| !it.is_empty()).collect();
            assert_eq!(found, expected, "{line}");
        }
    }
    assert_eq!(proxy.log().len(), before);
    assert!(!world.folder.path().join("run").exists());
}

#[test]
fn commands_learn_names_without_a_list() {
    let world = World::new();
    for key in ["READ", "GONE", "PIPED", "EDITED", "TURNED"] {
        world.set(key, "value");
    }
    let proxy = start_proxy(|_, _| Action::Forward);
    world.write("config.toml", "", 0o600);
    world.write("new.env", "IMPORTED=value", 0o600);
    let command = |arguments: &[&str]| {
        let mut command = world.command();
        command.env("HELVETISAFE_BASE_URL", proxy.base_url());
        command.env("EDITOR", "true").args(arguments);
        command
    };
    let file = || {
        let folder = world.folder.path().join(".local/state/helvetisafe/names");
        let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap();
        file.metadata().unwrap().ino()
    };
    for (arguments, names) in [
        (&["create", "MADE", "--generate"][..], &["MADE"][..]),
        (&["get", "READ", "GONE"], &["GONE", "MADE", "READ"]),
        (&["delete", "GONE", "--yes"], &["MADE", "READ"]),
        (&["import", "new.env"], &["IMPORTED", "MADE", "READ"]),
        (&["move", "IMPORTED", "A"], &["A", "MADE", "READ"]),
        (&["edit", "EDITED"], &["A", "EDITED", "MADE", "READ"]),
        (
            &["rotate", "TURNED", "--generate"],
            &["A", "EDITED", "MADE", "READ", "TURNED"],
        ),
    ] {
        crate::terminal::shown(command(arguments));
        let lists = proxy.count("GET", "/api/v1/secrets");
        assert_eq!(lists, 0, "{arguments:?}");
        let found = bash(&world, &proxy, "helvetisafe get ");
        let found: Vec<_> = found.iter().filter(|it| !it.starts_with('-')).collect();
        assert_eq!(found, names, "{arguments:?}");
    }
    // Nothing new is learned.
    let before = file();
    crate::terminal::shown(command(&["get", "READ"]));
    command(&["get", "PIPED"]).output().unwrap();
    assert_eq!(file(), before);
    // Deleted by another client.
    let mut delete = world.command();
    delete.args(["delete", "READ", "--yes"]).output().unwrap();
    crate::terminal::shown(command(&["edit", "READ"]));
    let found = bash(&world, &proxy, "helvetisafe get R");
    assert!(found.iter().all(|name| name != "READ"), "{found:?}");
}

#[test]
fn a_program_and_its_arguments_are_completed() {
    if !is_installed("fish") {
        return;
    }
    let (world, proxy) = world();
    let found = fish(&world, &proxy, "helvetisafe run --key DB_HOST -- printen");
    assert_eq!(found, ["printenv"]);
    let found = fish(&world, &proxy, "helvetisafe run -- cat conf");
    assert_eq!(found, ["config.toml"]);
    let found = bash(&world, &proxy, "helvetisafe run --key DB_HOST -- printen");
    assert_eq!(found, ["printenv"]);
    let found = bash(&world, &proxy, "helvetisafe rotate DB_HOST -- cat conf");
    assert_eq!(found, ["config.toml"]);
}

#[test]
fn a_description_is_not_expanded() {
    if !is_installed("fish") {
        return;
    }
    let (world, proxy) = world();
    let script = "set -x GITHUB_ENV expanded; helvetisafe completions fish | source; \
                  complete -C 'helvetisafe export --format github'";
    let found = run(&world, &proxy, "fish", script).join("\n");
    assert!(
        found.contains("$GITHUB_ENV") && !found.contains("expanded"),
        "{found}"
    );
}

#[test]
fn zsh_completes_names_values_files_and_programs() {
    if !is_installed("zsh") {
        return;
    }
    let (world, proxy) = world();
    let mut command = Command::new("zsh");
    world.prepare(&mut command);
    command
        .env("HELVETISAFE_BASE_URL", proxy.base_url())
        .env("HELVETISAFE_CONFIG", "config.toml")
        .env("TERM", "dumb")
        .args(["-f", "-i"]);
    let mut session = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
    let load =
        "autoload -U compinit; compinit -u; source <(helvetisafe completions zsh); echo re''ady";
    session.send_line(load).unwrap();
    session.exp_string("ready").unwrap();
    for (typed, completed) in [
        ("helvetisafe get DB_H", "DB_HOST "),
        ("helvetisafe export --format=sh", "--format=shell "),
        ("helvetisafe list --profile d", "--profile dev "),
        ("helvetisafe get --output=conf", "--output=config.toml "),
        ("helvetisafe run --key DB_HOST -- printen", "-- printenv "),
        ("helvetisafe run -- cat conf", "cat config.toml "),
    ] {
        session.send(&format!("{typed}\t")).unwrap();
        session.flush().unwrap();
        session.exp_string(completed).unwrap();
        session.send_control('u').unwrap();
    }
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn members_are_completed_as_the_last_list_has_them() {
    let proxy = start_proxy(|_, _| Action::Forward);
    let organization = Organization::at(World::new(), proxy.base_url());
    organization.member("bob", "reader");
    let members = ["--config", "ada/config.toml", "org", "members"];
    on_terminal(&organization.world, &members)
        .exp_eof()
        .unwrap();
    for command in ["org disable", "audit --member"] {
        let line = format!("helvetisafe --config ada/config.toml {command} b");
        assert_eq!(
            bash(&organization.world, &proxy, &line),
            ["bob"],
            "{command}"
        );
    }
}
