//! `backup` and `restore`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use helvetisafe::{ErrorKind, Expiry};
use rusqlite::Connection;
use serde_json::Value;

use crate::contents::{client, fill_all_tables, rows, token_client, values};
use crate::process::{Serve, run};
use crate::state::State;

struct Paths {
    state: State,
}

impl Paths {
    fn new() -> Self {
        Self {
            state: State::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.state.folder.path().join(name)
    }

    /// Runs a command whose arguments `@NAME` are files in the folder.
    fn run(&self, arguments: &str) -> (Option<i32>, String, String) {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let arguments = arguments.split(' ').map(|argument| {
            let scheme = if argument.starts_with("sqlite:@") {
                "sqlite:"
            } else {
                ""
            };
            match argument[scheme.len()..].strip_prefix('@') {
                Some(name) => format!("{scheme}{}", path(name)),
                None => argument.to_owned(),
            }
        });
        let arguments: Vec<_> = arguments.collect();
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run(&arguments)
    }

    #[track_caller]
    fn succeed(&self, arguments: &str) -> String {
        let (code, stdout, stderr) = self.run(arguments);
        assert_eq!(code, Some(0), "{stderr}");
        stdout
    }

    #[track_caller]
    fn fail(&self, arguments: &str, part: &str) {
        let (code, stdout, stderr) = self.run(arguments);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(stderr.contains(part), "{part}\n{stderr}");
        // The first line of `serve` names the database.
        let lines = stderr
            .lines()
            .filter(|it| !it.contains(": starts version "));
        assert_eq!(lines.count(), 1, "{stderr}");
    }

    fn serve(&self, name: &str) -> Serve {
        let database = format!("sqlite:{}", self.path(name).display());
        let arguments = ["serve", "--database", &database, "--listen", "127.0.0.1:0"];
        Serve::spawn(crate::process::command(&arguments))
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_restored_backup_has_every_row_and_serves_every_secret() {
    let paths = Paths::new();
    let account = &paths.state.account;
    fill_all_tables(&paths.state.path());
    let serve = paths.serve("vault.db");
    let secrets = client(&serve.base_url, account);
    for n in 0..50 {
        let expiry = match n % 3 {
            0 => Expiry::from(Duration::from_secs(3600 + n)),
            _ => Expiry::Never,
        };
        let value = format!("value {n} {}", "x".repeat(n as usize * 300));
        secrets
            .secrets()
            .put(format!("key_{n}"), &value, expiry)
            .unwrap();
    }
    secrets.secrets().update("key_1", "another", None).unwrap();
    secrets.secrets().delete("key_2").unwrap();
    let expected = values(&secrets);
    let report = paths.succeed("backup --database sqlite:@vault.db --output @b.db --json");
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["accounts"], &report["secrets"]),
        (&1.into(), &49.into())
    );
    assert!(report["last_change"].is_string(), "{report}");
    serve.stop();

    assert_eq!(mode(&paths.path("b.db")), 0o600);
    let files = fs::read_dir(paths.state.folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(
        names,
        ["b.db", "vault.db", "vault.db.lock", "vault.db.reserve"]
    );

    let (_, stdout, stderr) = paths.run("restore --input @b.db --database sqlite:@c.db");
    assert!(stdout.contains("secrets: 49\n"), "{stdout}");
    assert!(
        stderr.contains("Tokens that were revoked since are valid again"),
        "{stderr}"
    );
    assert_eq!(rows(&paths.path("c.db")), rows(&paths.state.path()));
    assert_eq!(mode(&paths.path("c.db")), 0o600);
    let restored = paths.serve("c.db");
    assert_eq!(values(&client(&restored.base_url, account)), expected);
    let by_token = token_client(&restored.base_url, account, &paths.state.token);
    assert_eq!(values(&by_token), expected);
    restored.stop();
}

/// Also during and soon after a rotation, the number of secrets is that of the vault's lists.
#[test]
fn a_backup_counts_the_values_of_other_org_keys_apart() {
    let paths = Paths::new();
    let serve = paths.serve("vault.db");
    let secrets = client(&serve.base_url, &paths.state.account);
    for name in ["a", "b", "c"] {
        secrets.secrets().put(name, "value", None).unwrap();
    }
    serve.stop();
    let backup = "backup --database sqlite:@vault.db --output @b.db --replace";
    let (_, stdout, stderr) = paths.run(backup);
    assert!(stdout.contains("secrets: 3\nlast change: "), "{stdout}");
    assert_eq!(stderr, "");
    let copy = |epoch: u32, names: &str| {
        format!(
            "INSERT INTO secrets SELECT organization, {epoch}, key, version, write_id, version, created_at, updated_at, \
             expires_at, nonce, value FROM secrets WHERE key_epoch = 1 AND key IN ({names});"
        )
    };
    let rotated = [
        copy(2, "'a', 'b'"),
        copy(3, "'a'"),
        "UPDATE organizations SET key_epoch = 2".to_owned(),
    ];
    let database = Connection::open(paths.state.path()).unwrap();
    database.execute_batch(&rotated.concat()).unwrap();
    drop(database);

    let counts = "secrets: 2\nvalues under replaced org keys: 3\nvalues of rotations in progress: 1\nlast change: ";
    let (_, stdout, stderr) = paths.run(backup);
    assert!(stdout.contains(counts), "{stdout}");
    assert!(
        stderr.contains("WARNING: the backup has values under replaced org keys (3)"),
        "{stderr}"
    );
    let report = paths.succeed("restore --input @b.db --database sqlite:@c.db --json");
    let report: Value = serde_json::from_str(&report).unwrap();
    let members = ["secrets", "old_secrets", "staged_secrets"];
    assert_eq!(
        members.map(|it| report[it].as_u64()),
        [Some(2), Some(3), Some(1)]
    );
}

/// A backup of a database that is being written has a state which the vault was in.
#[test]
fn a_backup_during_writes_has_one_moment_of_each_writer() {
    const WRITERS: u64 = 4;
    let paths = Paths::new();
    let serve = paths.serve("vault.db");
    let is_over = AtomicBool::new(false);
    // The last write of each writer that was begun, and that was acknowledged.
    let begun = [const { AtomicU64::new(0) }; WRITERS as usize];
    let done = [const { AtomicU64::new(0) }; WRITERS as usize];
    let load = |numbers: &[AtomicU64]| {
        let numbers = numbers.iter().map(|number| number.load(Ordering::SeqCst));
        numbers.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        for (writer, (begun, done)) in begun.iter().zip(&done).enumerate() {
            let client = client(&serve.base_url, &paths.state.account);
            let is_over = &is_over;
            scope.spawn(move || {
                let mut number = 0;
                while !is_over.load(Ordering::SeqCst) {
                    number += 1;
                    begun.store(number, Ordering::SeqCst);
                    // Two secrets: the first is never behind the second, nor ahead by more than one write.
                    for name in ["first", "second"] {
                        let value = format!("{number} {}", "x".repeat(20_000));
                        client
                            .secrets()
                            .put(format!("{name}_{writer}"), value, None)
                            .unwrap();
                    }
                    done.store(number, Ordering::SeqCst);
                }
            });
        }
        while load(&done).iter().any(|done| *done < 2) {
            thread::yield_now();
        }
        for round in 0..5 {
            let before = load(&done);
            let replace = if round == 0 { "" } else { " --replace" };
            let (code, _, stderr) = paths.run(&format!(
                "backup --database sqlite:@vault.db --output @b.db{replace}"
            ));
            let after = load(&begun);
            assert_eq!(code, Some(0), "{stderr}");
            paths.succeed(&format!(
                "restore --input @b.db --database sqlite:@c.db{replace}"
            ));
            let restored = paths.serve("c.db");
            let client = client(&restored.base_url, &paths.state.account);
            for writer in 0..WRITERS as usize {
                let number = |name: &str| -> u64 {
                    let secret = client.secrets().get(format!("{name}_{writer}")).unwrap();
                    let (number, _) = secret.expose_secret().split_once(' ').unwrap();
                    number.parse().unwrap()
                };
                let (first, second) = (number("first"), number("second"));
                assert!(before[writer] <= second, "{} {second}", before[writer]);
                assert!(second <= first && first <= second + 1, "{first} {second}");
                assert!(first <= after[writer], "{first} {}", after[writer]);
            }
            restored.stop();
        }
        is_over.store(true, Ordering::SeqCst);
    });
    serve.stop();
}

#[test]
fn nothing_that_exists_or_is_in_use_is_replaced_by_accident() {
    let paths = Paths::new();
    let backup = "backup --database sqlite:@vault.db --output";
    paths.succeed(&format!("{backup} @b.db"));
    let first = fs::read(paths.path("b.db")).unwrap();
    paths.fail(
        &format!("{backup} @b.db"),
        "exists already; choose another path, or replace it with --replace",
    );
    paths.fail(
        &format!("{backup} @vault.db --replace"),
        "is a database in use",
    );
    symlink(paths.state.path(), paths.path("link.db")).unwrap();
    paths.fail(
        &format!("{backup} @link.db --replace"),
        "is a database in use",
    );
    symlink(paths.state.path(), paths.path("d.db.partial")).unwrap();
    paths.fail(&format!("{backup} @d.db"), "is a database in use");
    assert_eq!(fs::read(paths.path("b.db")).unwrap(), first);

    paths.fail(&format!("{backup} -"), "-: would be standard output");
    symlink(paths.path("b.db"), paths.path("other.db")).unwrap();
    fs::create_dir(paths.path("folder")).unwrap();
    let _socket = UnixListener::bind(paths.path("socket")).unwrap();
    for output in ["@other.db", "@folder", "@socket"] {
        paths.fail(
            &format!("{backup} {output} --replace"),
            "is not a regular file",
        );
    }

    let restore = "restore --input @b.db --database";
    paths.fail(&format!("{restore} sqlite:@vault.db"), "exists already");
    let serve = paths.serve("vault.db");
    for name in ["vault.db", "link.db"] {
        paths.fail(
            &format!("{restore} sqlite:@{name} --replace"),
            "another process uses it",
        );
    }
    paths.fail(
        "restore --input @vault.db --database sqlite:@e.db",
        "run helvetisafe-server backup",
    );
    client(&serve.base_url, &paths.state.account)
        .secrets()
        .create("later", "1", None)
        .unwrap();
    serve.stop();
    let (_, stdout, _) = paths.run(&format!("{restore} sqlite:@link.db --replace"));
    assert!(stdout.contains("in place of the old one\n"), "{stdout}");
    assert!(stdout.contains("secrets: 0\n"), "{stdout}");
    assert!(paths.path("link.db").is_symlink());
    let serve = paths.serve("vault.db");
    assert_eq!(values(&client(&serve.base_url, &paths.state.account)), []);
    serve.stop();
}

/// The log of a vault that was killed belongs to the database that is replaced.
#[test]
fn the_log_of_a_replaced_database_is_not_applied_to_the_new_one() {
    let paths = Paths::new();
    paths.succeed("backup --database sqlite:@vault.db --output @b.db");
    for is_damaged in [false, true] {
        let mut serve = paths.serve("vault.db");
        let client = client(&serve.base_url, &paths.state.account);
        for n in 0..20 {
            client
                .secrets()
                .create(format!("key_{n}"), "x".repeat(9000), None)
                .unwrap();
        }
        serve.child.kill().unwrap();
        serve.wait();
        assert!(fs::metadata(paths.path("vault.db-wal")).unwrap().len() > 100_000);
        if is_damaged {
            fs::write(paths.state.path(), "no database").unwrap();
        }
        paths.succeed("restore --input @b.db --database sqlite:@vault.db --replace");
        assert!(!paths.path("vault.db-wal").exists());
        assert_eq!(rows(&paths.state.path()), rows(&paths.path("b.db")));
    }
    // A log without its database is not removed silently.
    fs::remove_file(paths.state.path()).unwrap();
    fs::write(paths.path("vault.db-wal"), "log").unwrap();
    let restore = "restore --input @b.db --database sqlite:@vault.db";
    paths.fail(restore, "does not exist, but a log of it does");
    paths.succeed(&format!("{restore} --replace"));
    assert_eq!(rows(&paths.state.path()), rows(&paths.path("b.db")));
}

#[test]
fn only_a_whole_database_of_a_vault_is_restored() {
    let paths = Paths::new();
    let serve = paths.serve("vault.db");
    let client = client(&serve.base_url, &paths.state.account);
    for n in 0..20 {
        client
            .secrets()
            .create(format!("key_{n}"), "x".repeat(9000), None)
            .unwrap();
    }
    serve.stop();
    paths.succeed("backup --database sqlite:@vault.db --output @b.db");
    let whole = fs::read(paths.path("b.db")).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(paths.path(name), bytes).unwrap();
    write("text", b"no database");
    write("empty", b"");
    write("dump", b"PGDMP\x01\x0e");
    write("cut", &whole[..whole.len() / 2]);
    let mut damaged = whole.clone();
    damaged[whole.len() / 4..][..5000].fill(7);
    write("damaged", &damaged);
    let other = Connection::open(paths.path("other")).unwrap();
    other.execute_batch("CREATE TABLE a (b)").unwrap();
    drop(other);
    write("newer", &whole);
    let newer = Connection::open(paths.path("newer")).unwrap();
    newer
        .execute_batch("INSERT INTO migrations VALUES (99, 0, 99)")
        .unwrap();
    drop(newer);
    fs::create_dir(paths.path("folder")).unwrap();
    for (name, part) in [
        ("absent", "does not exist; check the path"),
        ("text", "is not a database of SQLite"),
        ("empty", "is not a database of SQLite"),
        ("dump", "is a dump of PostgreSQL; run pg_restore"),
        ("cut", "cannot be used: "),
        ("damaged", "cannot be used: "),
        ("other", "has no tables of a vault"),
        ("newer", "has the tables of a newer version"),
        ("folder", "cannot read "),
    ] {
        paths.fail(
            &format!("restore --input @{name} --database sqlite:@new.db"),
            part,
        );
        assert!(!paths.path("new.db").exists(), "{name}");
        assert!(!paths.path("new.db.partial").exists(), "{name}");
        if ["absent", "text", "other", "newer"].contains(&name) {
            let backup = format!("backup --database sqlite:@{name} --output @new.db");
            let part = if name == "text" {
                "cannot be used: "
            } else {
                part
            };
            paths.fail(&backup, part);
            assert!(!paths.path("new.db.partial").exists(), "{name}");
        }
    }
    assert!(!paths.path("absent").exists(), "reading makes no file");
}

/// An earlier version's backup is restored as it is, and migrated by the next start.
#[test]
fn the_backup_of_an_earlier_version_is_restored() {
    let paths = Paths::new();
    let old = Connection::open(paths.path("old.db")).unwrap();
    old.execute_batch(include_str!("../data/state-0.1/vault.sql"))
        .unwrap();
    drop(old);
    let stdout = paths.succeed("restore --input @old.db --database sqlite:@new.db");
    assert!(stdout.contains("secrets: 2\nlast change: "), "{stdout}");
    assert!(stdout.ends_with("migration: 3\n"), "{stdout}");
    paths.serve("new.db").stop();
}

#[test]
fn tokens_are_left_out_on_request() {
    let paths = Paths::new();
    paths.succeed("backup --database sqlite:@vault.db --output @b.db");
    let (code, stdout, stderr) =
        paths.run("restore --input @b.db --database sqlite:@c.db --without-tokens");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("tokens: 0\n"), "{stdout}");
    assert!(
        stderr.contains("API tokens have to be made again"),
        "{stderr}"
    );
    let serve = paths.serve("c.db");
    client(&serve.base_url, &paths.state.account)
        .secrets()
        .list()
        .unwrap();
    let key = helvetisafe::KeySource::pem(paths.state.account.private_key_pem.as_bytes());
    let token = helvetisafe::Credentials::api_token(paths.state.token.clone());
    let refused = helvetisafe::Client::builder(&serve.base_url, token, key).connect();
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::Auth);
    serve.stop();
}

#[test]
fn a_folder_that_is_missing_or_cannot_be_written_is_named() {
    let paths = Paths::new();
    let backup = "backup --database sqlite:@vault.db --output";
    paths.fail(
        &format!("{backup} /proc/b.db"),
        "cannot write /proc/b.db.partial",
    );
    paths.succeed("backup --database sqlite:@vault.db --output @b.db");
    let folder = paths.path("absent");
    for command in [
        "backup --database sqlite:@vault.db --output @absent/new.db",
        "restore --input @b.db --database sqlite:@absent/new.db",
        "copy --from sqlite:@vault.db --to sqlite:@absent/new.db",
        "migrate --database sqlite:@absent/new.db",
        "serve --listen 127.0.0.1:0 --database sqlite:@absent/new.db",
        "dev --listen 127.0.0.1:0 --database sqlite:@absent/new.db",
    ] {
        let folder = folder.display();
        paths.fail(
            command,
            &format!(
                "{folder}/new.db: its folder {folder} does not exist; correct the path, or make the folder as the \
                 vault's user: mkdir -p -m 0700 '{folder}'"
            ),
        );
    }
}

/// The refusals have commands that do it. The programs are those of the Debian package `postgresql-client`.
#[test]
fn a_dump_of_postgresql_restores_every_row() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    if Command::new("pg_dump").arg("--version").output().is_err() {
        eprintln!("skipped: this machine has no pg_dump");
        return;
    }
    let other = helvetisafe_test_postgres::Database::create(server.url());
    let paths = Paths::new();
    fill_all_tables(&paths.state.path());
    let [from, to] = [server.url(), other.url()];
    paths.succeed(&format!("copy --from sqlite:@vault.db --to {from}"));
    let shell = |arguments: &str| {
        let (code, _, stderr) = paths.run(arguments);
        assert_eq!(code, Some(1));
        let (_, command) = stderr.split_once("; run ").unwrap();
        let (command, _) = command.split_once(", as docs").unwrap();
        let (_, password) = from.split_once("password_file=").unwrap();
        let password = fs::read_to_string(password.replace("%2F", "/")).unwrap();
        let user = from.split_once("://").unwrap().1.split_once('@').unwrap().0;
        let output = Command::new("sh")
            .args(["-c", &command.replace("OWNER", user)])
            .env("PGPASSWORD", password.trim_end())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{command}\n{stderr}");
    };
    shell(&format!("backup --database {from} --output @dump"));
    paths.fail(
        "restore --input @dump --database sqlite:@c.db",
        "pg_restore",
    );
    shell(&format!("restore --database {to} --input @dump"));
    paths.succeed(&format!("copy --from {to} --to sqlite:@c.db"));
    assert_eq!(rows(&paths.path("c.db")), rows(&paths.state.path()));
}
