//! The refusals, the dry runs and the last lines of commands that administer an organization.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, Proxy};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::organization::{Organization, command, fails, json, ok, on_terminal, run};
use crate::world::{World, start_proxy};

/// Holds the commits of rotations while it is set.
#[derive(Default)]
struct Commits {
    are_held: AtomicBool,
    held: AtomicUsize,
}

impl Commits {
    fn proxy(self: &Arc<Self>) -> Proxy {
        let commits = Arc::clone(self);
        start_proxy(move |request, _| {
            let is_commit = request.method == "POST" && request.path.ends_with("/commit");
            if !is_commit || !commits.are_held.load(Ordering::SeqCst) {
                return Action::Forward;
            }
            commits.held.fetch_add(1, Ordering::SeqCst);
            Action::Stall(Duration::from_secs(20))
        })
    }

    fn hold(&self, are_held: bool) {
        self.are_held.store(are_held, Ordering::SeqCst);
    }

    /// Waits until another commit is held than those before: every secret is staged then.
    fn wait(&self, before: usize) {
        let begun = Instant::now();
        while self.held.load(Ordering::SeqCst) == before {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn count(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }
}

#[test]
fn a_refused_account_of_a_folder_names_the_causes() {
    let organization = Organization::new();
    let code = organization.invite("bob smith", "member");
    ok(organization.join(&code, "bob"));
    let unconfirmed = "the account `bob smith` is not confirmed yet, was disabled, or has another client secret: if it is \
                       new, ask an administrator to run `helvetisafe org confirm 'bob smith'`";
    let text = fails(&organization.with("bob", &["get", "KEY"]), 3);
    assert!(
        text.contains(unconfirmed) && !text.contains("API token"),
        "{text}"
    );
    let checks = organization.with("bob", &["doctor"]);
    let text = String::from_utf8_lossy(&checks.stdout);
    assert!(text.contains(unconfirmed), "{text}");

    ok(organization.with("ada", &["org", "confirm", "bob smith", "--yes"]));
    ok(organization.with("bob", &["list"]));
    ok(organization.with("ada", &["org", "disable", "bob smith", "--yes"]));
    let text = fails(&organization.with("bob", &["get", "KEY"]), 3);
    let worked = "the vault has accepted the account `bob smith` here before: it was disabled, has another client secret, or the vault has another database";
    assert!(text.contains(worked) && !text.contains("confirm"), "{text}");

    let other = "A".repeat(43);
    organization.world.write("ada/client-secret", &other, 0o600);
    let text = fails(&organization.with("ada", &["org", "members"]), 3);
    assert!(
        text.contains("the account `ada` was disabled, or has another client secret"),
        "{text}"
    );
}

#[test]
fn the_next_step_of_an_invitation_names_what_the_person_needs() {
    let organization = Organization::new();
    let (_, authority) = helvetisafe_test_support::tls_server::start();
    organization.world.write("authority.pem", &authority, 0o600);
    let config = organization.path("ada/config.toml");
    let profile = fs::read_to_string(&config).unwrap();
    fs::write(&config, profile + "ca_certificate = \"../authority.pem\"\n").unwrap();
    let invited = organization.with("ada", &["org", "invite", "bob", "--scopes", "member"]);
    let text = fails(&invited, 0);
    assert!(
        text.contains("authority.pem, to `bob`")
            && text.contains("`helvetisafe join --ca-certificate authority.pem --output-dir bob`"),
        "{text}"
    );
}

#[test]
fn a_dry_run_is_refused_as_the_command_is() {
    let organization = Organization::new();
    organization.member("ci", "reader tokens:write");
    organization.member(
        "grace",
        "organization:read organization:write credentials:read",
    );
    let same = |folder: &str, arguments: &[&str], status: i32, reason: &str| {
        let dry = [arguments, &["--dry-run"]].concat();
        let dry = fails(&organization.with(folder, &dry), status);
        let real = fails(&organization.with(folder, arguments), status);
        assert_eq!(dry, real, "{arguments:?}");
        assert!(dry.contains(reason), "{arguments:?}: {dry}");
    };
    let create = |scopes| ["token", "create", "x", "--scopes", scopes];
    same(
        "ci",
        &create("member"),
        4,
        "the account `ci` does not have the scope secrets:write",
    );
    same(
        "grace",
        &create("credentials:read"),
        4,
        "the account `grace` does not have the scope tokens:write",
    );
    same(
        "grace",
        &create("credentials:read"),
        4,
        "as an administrator, invite a new account that has it, with `helvetisafe org invite NAME --scopes ",
    );
    same(
        "grace",
        &["org", "rotate", "--yes"],
        4,
        "the account `grace` does not have the scope secrets:read",
    );
    let invite = [
        "org",
        "invite",
        "eve",
        "--scopes",
        "reader",
        "--expires",
        "91d",
    ];
    same("ada", &invite, 2, "90 days");

    // An API token has the scopes, and is refused.
    let token = [
        "token",
        "create",
        "all",
        "--scopes",
        "administrator",
        "--output",
        "token",
    ];
    ok(organization.with("ada", &token));
    let url = organization.world.name("URL");
    let with_token = ["--api-token-file", "token", "--base-url", &url];
    for (arguments, failed) in [
        (&create("reader")[..], "cannot create the API token"),
        (&["org", "rotate", "--yes"], "cannot replace the org key"),
        (
            &["org", "rotate", "--abandon", "--yes"],
            "cannot abandon the rotation",
        ),
    ] {
        let arguments = [&with_token[..], arguments].concat();
        same("ada", &arguments, 4, failed);
        same("ada", &arguments, 4, "use the client id and secret");
    }
    // Nothing was stored for a rotation.
    let state = fs::read_dir(organization.path(".local/state/helvetisafe")).unwrap();
    let names = state.map(|it| it.unwrap().file_name());
    let mut names = names.map(|it| it.to_string_lossy().into_owned());
    assert!(names.all(|name| !name.starts_with("rotation-")));
}

/// Each verb of administrators, with the same words and the same status.
#[test]
fn a_member_is_referred_to_the_administrators_by_every_verb() {
    let organization = Organization::new();
    organization.member("bob", "member");
    let ask = "and the scopes of an account do not change: ask an administrator (ada) to do this, or to invite you again, with \
               `helvetisafe org invite NAME --scopes administrator`";
    for (arguments, failed, scope) in [
        (
            &["invite", "eve", "--scopes", "reader"][..],
            "cannot invite",
            "write",
        ),
        (&["pending"], "cannot list the invitations", "write"),
        (
            &["confirm", "eve", "--yes"],
            "cannot confirm the member",
            "write",
        ),
        (
            &["withdraw", "eve", "--yes"],
            "cannot withdraw the invitation",
            "write",
        ),
        (&["members"], "cannot list the members", "read"),
        (
            &["disable", "ada", "--yes"],
            "cannot disable the account",
            "write",
        ),
        (&["rotate", "--yes"], "cannot replace the org key", "write"),
        (
            &["rotate", "--abandon", "--yes"],
            "cannot abandon the rotation",
            "write",
        ),
        (
            &["recovery-kit", "--output-dir", "kit"],
            "cannot make a recovery kit",
            "write",
        ),
    ] {
        let text = fails(
            &organization.with("bob", &[&["org"], arguments].concat()),
            4,
        );
        assert_eq!(
            text,
            format!(
                "helvetisafe: {failed}: the account `bob` does not have the scope organization:{scope}, {ask}\n"
            )
        );
    }
    assert!(!organization.path("kit").exists());
}

/// A recovery kit is offline, and cannot be asked.
#[test]
fn people_are_named_before_a_recovery_kit() {
    let organization = Organization::new();
    organization.member("bob", "member");
    ok(organization.with("ada", &["org", "recovery-kit", "--output-dir", "kit"]));
    let text = fails(&organization.with("bob", &["org", "members"]), 4);
    assert!(text.contains("ask an administrator (ada) to"), "{text}");

    // It is named if it is the only one.
    let other = Organization::new();
    other.member("bob", "member");
    ok(other.with("ada", &["org", "recovery-kit", "--output-dir", "kit"]));
    ok(other.with("kit", &["org", "disable", "ada", "--yes"]));
    let text = fails(&other.with("bob", &["org", "members"]), 4);
    assert!(
        text.contains("ask an administrator (who has the recovery kit recovery-kit) to"),
        "{text}"
    );

    // The recovery of a lost administrator, as the page of the kit lists its steps.
    organization.member("grace", "administrator");
    organization.member("carol", "administrator");
    let used = "if the recovery kit `recovery-kit` was used, first make a new one and disable `recovery-kit`";
    let text = fails(
        &organization.with("grace", &["org", "disable", "ada", "--yes"]),
        0,
    );
    assert!(text.contains(used), "{text}");
    let text = fails(
        &organization.with("grace", &["org", "disable", "bob", "--yes"]),
        0,
    );
    assert!(
        text.contains("org rotate") && !text.contains("kit"),
        "{text}"
    );
    let text = fails(
        &organization.with("kit", &["org", "disable", "carol", "--yes"]),
        0,
    );
    assert!(
        text.contains(
            "the new administrator makes a new recovery kit, disables `recovery-kit`, and then"
        ),
        "{text}"
    );
    let kit = ["org", "disable", "recovery-kit", "--yes"];
    let text = fails(&organization.with("grace", &kit), 0);
    assert!(
        text.contains("org rotate") && !text.contains("was used"),
        "{text}"
    );
}

#[test]
fn a_refusal_says_whether_the_account_or_the_credential_lacks_the_scope() {
    let organization = Organization::new();
    organization.member("ci", "reader");
    // The profile of `ci` requests all that the account has.
    let set = ["set", "KEY", "--generate"];
    let text = fails(&organization.with("ci", &set), 4);
    let invite = "`helvetisafe org invite NAME --scopes 'secrets:read secrets:list credentials:read secrets:write'`";
    assert!(
        text.contains("the account `ci` does not have the scope secrets:write, and")
            && text.contains(invite)
            && !text.contains("are requested"),
        "{text}"
    );
    // A setting requests less than the account has.
    let narrow = [&["--scopes", "credentials:read"], &set[..]].concat();
    let text = fails(&organization.with("ada", &narrow), 4);
    let setting = "the account `ada` has the scope secrets:write, but only credentials:read are requested, by --scopes: add \
                   secrets:write there";
    assert!(text.contains(setting), "{text}");

    let create = [
        "token", "create", "t", "--scopes", "reader", "--output", "t",
    ];
    ok(organization.with("ada", &create));
    let url = organization.world.name("URL");
    let token = ["--api-token-file", "t", "--base-url", &url];
    let with_token =
        |arguments: &[&str]| organization.with("ada", &[&token[..], arguments].concat());
    let text = fails(&with_token(&set), 4);
    let lacks = "the API token does not have the scope secrets:write, and its account `ada` has it: use the client id and secret \
                 of the account, or make another token with them, with `helvetisafe token create NAME --scopes 'secrets:read \
                 secrets:list credentials:read secrets:write'`";
    assert!(text.contains(lacks), "{text}");
    let text = fails(&with_token(&["org", "members"]), 4);
    assert!(
        text.contains(
            "cannot list the members: the API token does not have the scope organization:read"
        ),
        "{text}"
    );
    // They are those of the token.
    let output = with_token(&["account", "scopes"]);
    let note = fails(&output, 0);
    assert_eq!(ok(output), "secrets:read\nsecrets:list\ncredentials:read\n");
    assert!(
        note.contains(
            "these are the scopes of the API token; its account has secrets:read secrets:write"
        ),
        "{note}"
    );
    let scopes = json(&ok(with_token(&["account", "scopes", "--json"])));
    assert_eq!(scopes["token_scopes"].as_array().unwrap().len(), 3);
    assert_eq!(scopes["scopes"].as_array().unwrap().len(), 9);
    let shown = ok(with_token(&["account", "show"]));
    assert!(
        shown.contains("of the token  secrets:read secrets:list credentials:read\n"),
        "{shown}"
    );
}

#[test]
fn the_name_of_a_member_is_refused_before_anything_is_sent() {
    let proxy = start_proxy(|_, _| Action::Forward);
    let organization = Organization::at(World::new(), proxy.base_url());
    organization.member("bob", "reader");
    organization.invite("dave", "reader");
    // Open invitations are known to the vault alone, which refuses the name.
    let sent = proxy.count("POST", "/api/v1/organization/invitations");
    for (name, reason) in [
        (
            "bob",
            "cannot invite: a member has the name `bob`; choose another name, or",
        ),
        (
            "dave",
            "cannot invite: an open invitation has the name `dave`; choose another name, or",
        ),
    ] {
        for dry in [&[][..], &["--dry-run"]] {
            let arguments = [&["org", "invite", name, "--scopes", "reader"], dry].concat();
            let text = fails(&organization.with("ada", &arguments), 6);
            assert!(text.contains(reason), "{text}");
        }
    }
    let after = proxy.count("POST", "/api/v1/organization/invitations");
    assert_eq!(after, sent + 1);
}

#[test]
fn the_signing_key_of_another_administrator_is_refused_before_anything_is_sent() {
    let organization = Organization::new();
    organization.member("grace", "administrator");
    organization.member("eve", "reader");
    organization.invite("dave", "reader");
    fs::copy(
        organization.path("ada/signing-key.pem"),
        organization.path("grace/signing-key.pem"),
    )
    .unwrap();
    for arguments in [
        &["org", "invite", "frank", "--scopes", "reader"][..],
        &["org", "confirm", "dave", "--yes"],
        &["org", "disable", "eve", "--yes"],
        &["org", "rotate", "--yes"],
        &["org", "recovery-kit", "--output-dir", "kit"],
    ] {
        let dry = [arguments, &["--dry-run"]].concat();
        for arguments in [arguments, &dry] {
            let messages = fails(&organization.with("grace", arguments), 4);
            let reason = "the signing key is not that of this account in the chain";
            assert!(messages.contains(reason), "{arguments:?}: {messages}");
        }
    }
    assert!(!organization.path("kit").exists());
}

#[test]
fn a_dry_run_sees_a_rotation_in_progress() {
    let commits = Arc::<Commits>::default();
    let proxy = commits.proxy();
    let organization = Organization::at(World::new(), proxy.base_url());
    organization.member("grace", "administrator");
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    commits.hold(true);
    interrupted(&organization, "grace", &commits);
    commits.hold(false);

    let at = |state: &str, folder: &str, arguments: &[&str]| {
        let config = format!("{folder}/config.toml");
        let arguments = [&["--config", &config], arguments].concat();
        let mut command = command(&organization.world, None, &arguments, "");
        command.env("HELVETISAFE_STATE_DIR", organization.path(state));
        command.output().unwrap()
    };
    // On this machine her new key is stored, on another one it is not.
    for (state, folder, reason) in [
        (
            ".local/state/helvetisafe",
            "ada",
            "only that account can resume it",
        ),
        (
            "other",
            "ada",
            "another administrator, `grace`, is replacing the org key",
        ),
        ("another", "grace", "this account began another rotation"),
    ] {
        for arguments in [
            &["org", "rotate", "--dry-run"][..],
            &["org", "rotate", "--yes"],
        ] {
            let text = fails(&at(state, folder, arguments), 6);
            assert!(text.contains(reason), "{text}");
        }
    }
    ok(organization.with("grace", &["org", "rotate", "--dry-run"]));
    ok(organization.with("grace", &["org", "rotate", "--yes"]));
}

/// Ends a rotation by a signal before its commit. Returns its messages.
fn interrupted(organization: &Organization, folder: &str, commits: &Commits) -> String {
    let before = commits.count();
    let config = format!("{folder}/config.toml");
    let arguments = ["--config", &config, "org", "rotate", "--yes"];
    let mut command = command(&organization.world, None, &arguments, "");
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    commits.wait(before);
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
    kill(id, Signal::SIGTERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(15), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_interrupted_rotation_says_how_to_continue() {
    let commits = Arc::<Commits>::default();
    let proxy = commits.proxy();
    let organization = Organization::at(World::new(), proxy.base_url());
    ok(organization.with("ada", &["set", "KEY", "--generate"]));
    commits.hold(true);
    let text = interrupted(&organization, "ada", &commits);
    assert_eq!(
        text,
        "helvetisafe: interrupted after 1 of 1 secrets; the commit was sent, and its outcome is not known: run `helvetisafe org \
         rotate --config ada/config.toml` again, which completes the rotation with the same new key; `helvetisafe org rotate \
         --dry-run --config ada/config.toml` shows its state\n"
    );

    // On a terminal the bar is shown at once, and Ctrl-C removes it.
    let rotate = ["--config", "ada/config.toml", "org", "rotate", "--yes"];
    let before = commits.count();
    let mut session = on_terminal(&organization.world, &rotate);
    commits.wait(before);
    session.send_control('c').unwrap();
    session.exp_string("interrupted").unwrap();
    session.exp_string("its outcome is not known").unwrap();
    session.exp_eof().unwrap();

    commits.hold(false);
    let rotated = organization.with("ada", &["org", "rotate", "--yes"]);
    let text = fails(&rotated, 0);
    assert!(
        text.contains("replaced the org key: it is SHA256:") && text.contains("in this run: 0"),
        "{text}"
    );
}

#[test]
fn a_rotation_shows_its_progress_on_a_terminal_at_once() {
    let commits = Arc::<Commits>::default();
    let proxy = commits.proxy();
    let organization = Organization::at(World::new(), proxy.base_url());
    for key in ["A", "B"] {
        ok(organization.with("ada", &["set", key, "--generate"]));
    }
    commits.hold(true);
    let rotate = ["--config", "ada/config.toml", "org", "rotate", "--yes"];
    let mut session = on_terminal(&organization.world, &rotate);
    session.exp_string("2 of 2").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("interrupted after 2 of 2").unwrap();
    session.exp_eof().unwrap();
}

#[test]
fn the_active_one_of_two_accounts_with_a_name_is_disabled() {
    let organization = Organization::new();
    let account = |folder: &str| {
        let plan = fs::read_to_string(organization.path(&format!("{folder}/account.json")));
        json(&plan.unwrap())["client_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for folder in ["first", "second"] {
        let code = organization.invite("dave", "reader");
        ok(organization.join(&code, folder));
        ok(organization.with("ada", &["org", "confirm", "dave", "--yes"]));
        let dry = ["org", "disable", "dave", "--dry-run", "--json"];
        let dry = json(&ok(organization.with("ada", &dry)));
        assert_eq!(dry["account"], account(folder));
        let disabled = organization.with("ada", &["org", "disable", "dave", "--yes"]);
        let text = fails(&disabled, 0);
        assert!(
            text.contains(&format!("disabled `dave` ({})", account(folder))),
            "{text}"
        );
    }
    let text = fails(
        &organization.with("ada", &["org", "disable", "dave", "--yes"]),
        6,
    );
    assert!(text.contains("`dave` was disabled already"), "{text}");
}

/// A name of two tokens would not say which one is revoked.
#[test]
fn a_token_has_a_name_of_its_own() {
    let is_hidden = Arc::new(AtomicBool::new(false));
    let hides = Arc::clone(&is_hidden);
    let proxy = start_proxy(move |request, _| {
        let is_list = request.is("GET", "/api/v1/account/tokens");
        match is_list && hides.load(Ordering::SeqCst) {
            true => Action::Answer(
                200,
                "content-type: application/json\r\n",
                br#"{"tokens":[]}"#.to_vec(),
            ),
            false => Action::Forward,
        }
    });
    let organization = Organization::at(World::new(), proxy.base_url());
    let create = ["token", "create", "ci", "--scopes", "reader", "--json"];
    let first = json(&ok(organization.with("ada", &create)));
    for dry in [&["--dry-run"][..], &[]] {
        let again = [&create[..], dry].concat();
        let text = fails(&organization.with("ada", &again), 6);
        let id = first["id"].as_str().unwrap();
        assert!(
            text.contains("the account has one with the name `ci`")
                && text.contains(&format!("token revoke {id} ")),
            "{text}"
        );
    }
    // `token revoke` takes an id first.
    let id = first["id"].as_str().unwrap();
    let of_id = ["token", "create", id, "--scopes", "reader"];
    let text = fails(&organization.with("ada", &of_id), 6);
    assert!(
        text.contains(&format!("the account has one with the id `{id}`")),
        "{text}"
    );
    // As two commands at the same time, or an earlier version.
    is_hidden.store(true, Ordering::SeqCst);
    let second = json(&ok(organization.with("ada", &create)));
    is_hidden.store(false, Ordering::SeqCst);
    let text = fails(
        &organization.with("ada", &["token", "revoke", "ci", "--yes"]),
        2,
    );
    assert!(text.contains("none was revoked; give the id"), "{text}");
    let id = second["id"].as_str().unwrap();
    ok(organization.with("ada", &["token", "revoke", id, "--yes"]));
    let revoked = organization.with("ada", &["token", "revoke", "ci", "--yes"]);
    let text = fails(&revoked, 0);
    assert!(text.contains("revoked `ci` ("), "{text}");
}

#[test]
fn on_a_terminal_a_withdrawal_is_asked() {
    let organization = Organization::new();
    for (answer, outcome) in [
        ("n", "nothing was withdrawn"),
        ("y", "withdrew the invitation"),
    ] {
        let _ = organization.with("ada", &["org", "invite", "bob", "--scopes", "reader"]);
        let withdraw = ["--config", "ada/config.toml", "org", "withdraw", "bob"];
        let mut session = on_terminal(&organization.world, &withdraw);
        session
            .exp_string("withdraw the invitation of `bob`? [y/N]")
            .unwrap();
        session.send_line(answer).unwrap();
        let shown = session.exp_eof().unwrap();
        assert!(shown.contains(outcome), "{shown}");
    }
}

/// Runs the command of a message that has these words, as a shell does.
fn paste(organization: &Organization, message: &str, words: &str) -> Output {
    let mut commands = message
        .split('`')
        .filter(|it| it.starts_with("helvetisafe "));
    let advised = commands.find(|it| it.contains(words)).unwrap();
    // The question needs a terminal.
    let advised = advised.replace(words, &format!("{words} --yes"));
    let prepared = command(&organization.world, None, &[], "");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &advised])
        .env_clear()
        .stdin(Stdio::null());
    shell.current_dir(organization.world.folder.path());
    for (name, value) in prepared.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell.output().unwrap()
}

#[test]
fn the_advice_about_a_name_that_looks_like_an_option_can_be_pasted() {
    let organization = Organization::new();
    let invite = [
        "org", "invite", "--scopes", "reader", "--output", "code", "--", "--bob",
    ];
    let invited = fails(&organization.with("ada", &invite), 0);
    let code = fs::read_to_string(organization.path("code")).unwrap();
    ok(organization.join(&code, "bob"));
    let text = fails(&organization.with("bob", &["list"]), 3);
    assert!(
        text.contains("`helvetisafe org confirm -- '--bob'`"),
        "{text}"
    );
    let pending = fails(&organization.with("ada", &["org", "pending"]), 0);
    let confirm = "`helvetisafe org confirm --config ada/config.toml -- '--bob'`";
    for text in [&invited, &pending] {
        assert!(text.contains(confirm), "{text}");
    }
    let other_words = "abacus abdomen abdominal abide abiding ability ablaze able";
    let confirm = [
        "org",
        "confirm",
        "--fingerprint",
        other_words,
        "--",
        "--bob",
    ];
    let text = fails(&organization.with("ada", &confirm), 8);
    assert!(
        text.contains("`helvetisafe org withdraw --config ada/config.toml -- '--bob'`"),
        "{text}"
    );
    ok(paste(&organization, &pending, "org confirm"));
    ok(organization.with("bob", &["list"]));

    let unknown = fails(
        &organization.with("ada", &["org", "confirm", "--", "-x"]),
        5,
    );
    let invite = "`helvetisafe org invite --scopes SCOPES --config ada/config.toml -- '-x'`";
    assert!(unknown.contains(invite), "{unknown}");

    let kit = ["org", "recovery-kit", "--output-dir", "kit", "--name=-kit"];
    let made = fails(&organization.with("ada", &kit), 0);
    let page = fs::read_to_string(organization.path("kit/README.txt")).unwrap();
    assert!(
        page.contains("helvetisafe --config ADMINISTRATOR/config.toml org disable -- '-kit'\n"),
        "{page}"
    );
    ok(paste(&organization, &made, "org disable"));
}

#[test]
fn on_a_terminal_a_set_of_scopes_has_its_name() {
    let organization = Organization::new();
    organization.member("bob", "reader audit:read");
    organization.invite("dave", "member");
    ok(organization.with("ada", &["token", "create", "ci", "--scopes", "reader"]));
    for (line, names) in [
        (
            &["org", "members"][..],
            &["  administrator  ", "secrets:read secrets:list"][..],
        ),
        (&["org", "pending"], &["  member  "]),
        (&["token", "list"], &["  reader"]),
    ] {
        let arguments = [&["--config", "ada/config.toml"], line].concat();
        let mut session = on_terminal(&organization.world, &arguments);
        let shown = session.exp_eof().unwrap();
        for name in names {
            assert!(shown.contains(name), "{shown}");
        }
        let piped = ok(organization.with("ada", line));
        assert!(piped.contains("secrets:read "), "{piped}");
    }
    let members = ok(organization.with("ada", &["org", "members", "--json"]));
    assert_eq!(json(&members)[0]["scopes"].as_array().unwrap().len(), 9);
}

/// A code has one URL, and its node may be down.
#[test]
fn an_unreachable_vault_of_a_code_names_the_option_for_other_urls() {
    let organization = Organization::new();
    let code = organization.invite("bob", "reader");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let join = ["join", "--output-dir", "bob", "--base-url", &url];
    let text = fails(&run(&organization.world, None, &join, &code), 9);
    assert!(
        text.contains("could not be reached") && text.contains("give them with --failover-urls"),
        "{text}"
    );
    let node = organization.world.name("URL");
    let join = [&join[..], &["--failover-urls", &node]].concat();
    ok(run(&organization.world, None, &join, &code));
}
