//! `helvetisafe-server dev --faults`, and the text form of rules.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use helvetisafe_server::faults::{Faults, Spec};

use crate::support::{End, Wire, request_as, site_of};

fn dev(rules: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helvetisafe-server"));
    command.args(["dev", "--listen", "127.0.0.1:0"]);
    command.args(rules.iter().flat_map(|rule| ["--faults", rule]));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Starts the command, runs a check, and stops it. Returns its standard error.
fn while_serving(rules: &[&str], look: impl FnOnce(Wire)) -> String {
    let mut child: Child = dev(rules).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let address = line
        .trim_end()
        .trim_end_matches('\'')
        .rsplit('/')
        .next()
        .unwrap();
    look(Wire::connect(address.parse().unwrap()));
    let id = child.id().to_string();
    Command::new("kill").arg(&id).status().unwrap();
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert!(child.wait().unwrap().success());
    stderr
}

fn list() -> String {
    request_as("none", "GET", "/api/v1/secrets", None)
}

#[test]
fn faults_are_off_by_default_and_come_with_a_warning() {
    let stderr = while_serving(&[], |mut wire| {
        wire.send(&list());
        assert_eq!(wire.receive().status(), 401);
    });
    assert!(!stderr.contains("WARNING"), "{stderr}");
    let rules = ["list:status=503:once", "list:close-before"];
    let stderr = while_serving(&rules, |mut wire| {
        wire.send(&list());
        assert_eq!(wire.receive().status(), 503);
        wire.send(&list());
        assert_eq!(wire.receive().end, End::Closed);
    });
    assert!(
        stderr.contains("WARNING: the vault misbehaves on purpose"),
        "{stderr}"
    );
}

#[test]
fn a_bad_rule_is_refused_with_a_reason() {
    for (rule, problem) in [
        ("", "`` is not a kind of request"),
        ("create", "`create` has no fault"),
        ("everything:html", "`everything` is not a kind of request"),
        ("list=a:html", "`list=a` is not a kind of request"),
        (
            "read=a/b:html",
            "`read=a/b` has a name that no secret can have",
        ),
        ("read:explode", "`explode` is not a fault"),
        (
            "read:truncate",
            "`truncate` is not a fault, or needs a value",
        ),
        ("read:html=1", "`html=1` is not a fault with a value"),
        ("read:truncate=-1", "`truncate=-1` needs a number in range"),
        ("read:status=99", "`status=99` needs a status"),
        (
            "read:stall-after=2",
            "`stall-after=2` needs a time such as 300ms or 2s",
        ),
        ("read:flip=all", "`flip=all` needs ciphertext, tag or nonce"),
        ("read:html:twice", "`twice` is not a condition"),
        ("read:html:times=x", "`times=x` needs a number"),
    ] {
        let error = rule.parse::<Spec>().unwrap_err().to_string();
        assert!(error.starts_with(problem), "{rule}: {error}");
    }
    let output = dev(&["read:explode"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("`explode` is not a fault"), "{stderr}");
}

#[test]
fn each_keyword_sets_its_fault() {
    for (rule, name) in [
        ("any:reset-before", "reset before acting"),
        ("any:reset-after", "reset after acting"),
        ("any:close-before", "close before acting"),
        ("list:close-after", "close after acting"),
        ("list:truncate=20", "truncate at 20"),
        ("list:reset-at=20", "reset at 20"),
        ("list:stall-before=1ms", "stall before acting for 1ms"),
        ("list:stall-after=1ms", "stall after acting for 1ms"),
        ("list:drip=0s", "drip 1 every 0ns"),
        ("list:status=500", "answer 500"),
        ("list:busy=3s", "answer 429"),
        ("list:html", "answer 502"),
        ("list:redirect", "answer 302"),
        ("list:oversized=10", "oversized body of 10"),
        ("list:gzip-bomb", "gzip bomb"),
        ("list:expire-tokens", "expire access tokens"),
        ("list:bad-names", "list 16 more names"),
        ("list:revoke-tokens", "revoke all tokens"),
    ] {
        let faults = Faults::new();
        faults.add_spec(rule.parse().unwrap());
        let site = site_of(faults);
        site.list();
        assert_eq!(site.faults.log()[0].fault.as_deref(), Some(name), "{rule}");
    }
    for rule in [
        "read:endless",
        "read:endless-informational",
        "read=a:ciphertext-of=b",
        "any=a:replay",
        "read:flip=ciphertext",
        "read:flip=tag",
        "read:flip=nonce:after=2:times=3:percent=50",
        "unstaged:flip=tag",
        "invitations:replay",
        "disable:pretend:once",
    ] {
        rule.parse::<Spec>().unwrap();
    }
}

/// The lies about an organization, as `docs/faults.md` lists them.
#[test]
fn each_documented_lie_has_a_keyword() {
    let document = include_str!("../../../../docs/faults.md");
    let (_, table) = document.split_once("| `Lie` | on |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let words = rows.flat_map(|row| row.rsplit(" | ").next().unwrap().split('`'));
    let words = words.filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()));
    let words: Vec<_> = words.map(|word| word.replace("=N", "=1")).collect();
    assert_eq!(words.len(), 20, "{words:?}");
    for word in words {
        format!("chain:{word}:once").parse::<Spec>().unwrap();
    }
}

#[test]
fn a_flaky_vault_fails_some_requests() {
    let faults = Faults::seeded(1);
    faults.add_spec("flaky".parse().unwrap());
    let site = site_of(faults);
    for _ in 0..300 {
        site.list();
    }
    let log = site.faults.log();
    let harmed = log.iter().filter(|seen| seen.fault.is_some()).count();
    assert!(
        (8..=45).contains(&harmed),
        "about 8 of 100: {harmed} of 300"
    );
    let kinds: std::collections::BTreeSet<_> = log.iter().flat_map(|seen| &seen.fault).collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}
