//! `sync` against an API server that enforces what Kubernetes does.

pub(crate) mod api_server;
mod cluster;
mod manifests;
mod ownership;
mod peer;
mod watch;

use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::World;
use api_server::{ApiServer, NAMESPACE};

/// The verbs of the Role in deploy/kubernetes, and of the Python package's.
const ROLE: &[&str] = &["get", "create", "patch"];
const OLD_ROLE: &[&str] = &["get", "create", "update"];

/// The field manager of the Python package.
const PYTHON: &str = "OpenAPI-Generator";

fn command(world: &World, server: &ApiServer) -> Command {
    world.write("kubeconfig", &server.kubeconfig(), 0o600);
    let mut command = world.command();
    command
        .env("KUBECONFIG", "kubeconfig")
        .args(["sync", "--name", "app"])
        .stdin(Stdio::null());
    command
}

fn run(world: &World, server: &ApiServer, arguments: &[&str]) -> Output {
    command(world, server).args(arguments).output().unwrap()
}

fn sync(world: &World, server: &ApiServer, arguments: &[&str]) -> String {
    let output = run(world, server, arguments);
    let messages = text(&output.stderr);
    assert!(output.status.success(), "{messages}");
    text(&output.stdout)
}

/// Returns the status and the messages of a sync that fails.
fn failure(world: &World, server: &ApiServer, arguments: &[&str]) -> (i32, String) {
    let output = run(world, server, arguments);
    assert_eq!(text(&output.stdout), "");
    (output.status.code().unwrap(), text(&output.stderr))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn data(entries: &[(&str, &str)]) -> Value {
    let entries = entries.iter();
    let encoded = entries.map(|(name, value)| ((*name).to_owned(), STANDARD.encode(value).into()));
    Value::Object(encoded.collect())
}

fn world(secrets: &[(&str, &str)]) -> World {
    let world = World::new();
    for (key, value) in secrets {
        world.set(key, value);
    }
    world
}

#[test]
fn a_secret_is_created_changed_and_left_alone_by_server_side_apply() {
    let world = world(&[("A", "one"), ("B", "two\n")]);
    let server = ApiServer::start(ROLE);
    assert_eq!(sync(&world, &server, &[]), "+ A\n+ B\n");
    assert_eq!(server.entries("app"), ["A=one", "B=two\n"]);
    let secret = server.secret("app").unwrap();
    assert_eq!(secret["type"], "Opaque");
    assert_eq!(
        secret["metadata"]["labels"],
        json!({"app.kubernetes.io/managed-by": "helvetisafe"})
    );
    assert_eq!(
        server.take_log(),
        [
            "GET",
            "PATCH application/apply-patch+yaml fieldManager=helvetisafe"
        ]
    );

    world.set("A", "changed");
    assert_eq!(sync(&world, &server, &["--key", "A"]), "~ A\n- B\n");
    assert_eq!(server.entries("app"), ["A=changed"]);
    server.take_log();

    let version = server.secret("app").unwrap()["metadata"]["resourceVersion"].clone();
    assert_eq!(sync(&world, &server, &["--key", "A"]), "");
    assert_eq!(server.take_log(), ["GET"], "nothing is written");
    assert_eq!(
        server.secret("app").unwrap()["metadata"]["resourceVersion"],
        version
    );
}

#[test]
fn names_come_from_flags_else_from_the_variables_of_the_python_package() {
    let world = world(&[("A", "one"), ("B", "two")]);
    let server = ApiServer::start(ROLE);
    let mut command = command(&world, &server);
    let output = command
        .env("HELVETISAFE_K8S_SECRET_NAME", "other")
        .env("HELVETISAFE_K8S_NAMESPACE", NAMESPACE)
        .env("HELVETISAFE_SECRET_KEYS", " B ,")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(server.entries("app"), ["B=two"]);

    world.write("kubeconfig", &server.kubeconfig(), 0o600);
    let variables = |name: &str, namespace: &str| {
        let mut command = world.command();
        command
            .env("KUBECONFIG", "kubeconfig")
            .env("HELVETISAFE_K8S_SECRET_NAME", name)
            .env("HELVETISAFE_K8S_NAMESPACE", namespace)
            .arg("sync");
        command.output().unwrap()
    };
    assert!(variables("other", "").status.success());
    assert_eq!(server.entries("other"), ["A=one", "B=two"]);
    for (name, namespace, message) in [
        ("", "", "give the name of the Secret with --name"),
        (
            "Other",
            "",
            "HELVETISAFE_K8S_SECRET_NAME is not the name of a Secret",
        ),
        (
            "other",
            "a.b",
            "HELVETISAFE_K8S_NAMESPACE is not the name of a namespace",
        ),
    ] {
        let output = variables(name, namespace);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(message),
            "{}",
            text(&output.stderr)
        );
    }
    let output = variables("other", "missing");
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.contains("namespaces \"missing\" not found"),
        "{message}"
    );
    assert!(message.contains("--namespace"), "{message}");
}

#[test]
fn labels_and_annotations_are_owned_too() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let labelled = ["--label", "team=web", "--annotation", "note=a=b c"];
    sync(&world, &server, &labelled);
    let metadata = &server.secret("app").unwrap()["metadata"];
    assert_eq!(metadata["labels"]["team"], "web");
    assert_eq!(metadata["annotations"], json!({"note": "a=b c"}));
    sync(&world, &server, &[]);
    let metadata = &server.secret("app").unwrap()["metadata"];
    assert_eq!(metadata["labels"]["team"], Value::Null);
    assert_eq!(metadata["annotations"], json!({}));
}

#[test]
fn a_dry_run_prints_names_and_stores_nothing() {
    let world = world(&[("A", "one"), ("B", "two")]);
    for role in [ROLE, OLD_ROLE] {
        let server = ApiServer::start(role);
        let output = run(&world, &server, &["--dry-run"]);
        assert_eq!(text(&output.stdout), "+ A\n+ B\n");
        assert!(text(&output.stderr).contains("would be created"));
        assert!(server.secret("app").is_none());
        assert!(server.take_log().iter().any(|it| it.contains("dryRun=All")));

        server.put(
            PYTHON,
            "app",
            json!({"data": data(&[("A", "old"), ("C", "x")])}),
        );
        let before = server.secret("app");
        assert_eq!(sync(&world, &server, &["--dry-run"]), "+ B\n~ A\n");
        assert_eq!(server.secret("app"), before);
    }
}

#[test]
fn json_names_what_happened() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    server.put("kubectl", "app", json!({"data": data(&[("X", "theirs")])}));
    let printed: Value = serde_json::from_str(&sync(&world, &server, &["--json"])).unwrap();
    assert_eq!(
        printed,
        json!({
            "namespace": NAMESPACE, "name": "app", "action": "updated", "dry_run": false,
            "added": ["A"], "changed": [], "removed": [], "unchanged": [], "foreign": ["X"],
        })
    );
    let printed: Value = serde_json::from_str(&sync(&world, &server, &["--json"])).unwrap();
    assert_eq!(printed["action"], "unchanged");
}

#[test]
fn an_immutable_secret_is_respected() {
    for role in [ROLE, OLD_ROLE] {
        let world = world(&[("A", "one")]);
        let server = ApiServer::start(role);
        let object = json!({"data": data(&[("A", "one")]), "immutable": true});
        server.put("kubectl", "app", object);
        assert_eq!(sync(&world, &server, &[]), "");
        world.set("A", "two");
        let (status, message) = failure(&world, &server, &["--force-conflicts"]);
        assert_eq!(status, 6);
        let expected = "the Secret `prod/app` is immutable, and its entries differ (A)";
        assert!(message.contains(expected), "{message}");
        assert_eq!(server.entries("app"), ["A=one"]);
    }
}

#[test]
fn the_type_is_kept_or_chosen_and_never_changed() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let tls = ["--type", "kubernetes.io/tls", "--env", "tls.crt=A"];
    sync(&world, &server, &tls);
    assert_eq!(server.secret("app").unwrap()["type"], "kubernetes.io/tls");
    sync(&world, &server, &[]);
    assert_eq!(server.secret("app").unwrap()["type"], "kubernetes.io/tls");
    let (status, message) = failure(&world, &server, &["--type", "Opaque"]);
    assert_eq!(status, 6);
    assert!(
        message.contains("has the type kubernetes.io/tls"),
        "{message}"
    );
}

#[test]
fn multi_field_secrets_become_entries_and_bad_names_are_refused() {
    let world = World::new();
    let server = ApiServer::start(ROLE);
    let set = |field: &str, value: &str| {
        world.write("value", value, 0o600);
        let mut command = world.command();
        command.args([
            "set",
            "DB",
            "--field",
            field,
            "--value-file",
            "value",
            "--allow-unbound",
        ]);
        assert!(command.status().unwrap().success());
    };
    set("HOST", "db.example");
    set("PORT", "5432");
    assert_eq!(sync(&world, &server, &[]), "+ HOST\n+ PORT\n");
    assert_eq!(server.entries("app"), ["HOST=db.example", "PORT=5432"]);
    set("not a key", "x");
    let (status, message) = failure(&world, &server, &[]);
    assert_eq!(status, 2);
    assert!(message.contains("`not a key`"), "{message}");
    assert!(message.contains("cannot be a key of a Secret"), "{message}");
}

#[test]
fn no_selected_secret_leaves_the_secret_alone() {
    let world = World::new();
    let server = ApiServer::start(ROLE);
    server.put("helvetisafe", "app", json!({"data": data(&[("A", "one")])}));
    let output = run(&world, &server, &["--output", "file.env"]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("nothing was written"));
    assert_eq!(server.entries("app"), ["A=one"]);
    assert!(server.take_log().is_empty());
    assert!(!world.folder.path().join("file.env").exists());
}

#[test]
fn a_file_is_written_with_or_without_a_secret() {
    let world = world(&[("A", "a\"b\\c\nd")]);
    let server = ApiServer::start(ROLE);
    sync(&world, &server, &["--output", "file.env"]);
    let file = || std::fs::read_to_string(world.folder.path().join("file.env")).unwrap();
    assert_eq!(file(), "A=\"a\\\"b\\\\c\\nd\"\n");
    let mut command = world.command();
    let output = command
        .args(["sync", "-o", "file.env", "--env", "B=A"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(file(), "B=\"a\\\"b\\\\c\\nd\"\n");
}

#[test]
fn a_file_has_no_name_that_programs_act_upon_unless_it_is_allowed() {
    let world = world(&[("LD_PRELOAD", "/tmp/a.so"), ("A", "nul\0")]);
    let server = ApiServer::start(ROLE);
    let refused = |arguments: &[&str], expected: &str| {
        let output = [&["--output", "file.env"], arguments].concat();
        let (status, message) = failure(&world, &server, &output);
        assert_eq!(status, 2, "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(!world.folder.path().join("file.env").exists());
        assert!(server.take_log().is_empty(), "the Secret is not written");
    };
    let preload = ["--prefix", "LD_"];
    refused(&preload, "`LD_PRELOAD` is a name that");
    refused(&["--env", "PATH=LD_PRELOAD"], "--allow-name PATH");
    refused(&["--key", "A"], "contains NUL");
    // An entry of the Secret is no variable.
    assert_eq!(sync(&world, &server, &preload), "+ LD_PRELOAD\n");
    let allowed = ["--output", "file.env", "--allow-name", "LD_PRELOAD"];
    sync(&world, &server, &[&preload[..], &allowed].concat());
    let file = std::fs::read_to_string(world.folder.path().join("file.env")).unwrap();
    assert_eq!(file, "LD_PRELOAD=\"/tmp/a.so\"\n");
}

#[test]
fn no_message_has_a_value() {
    let value = "canary-71e2\"\\";
    let world = world(&[("A", value)]);
    let encoded = STANDARD.encode(value);
    for verbs in [ROLE, OLD_ROLE, &["get"], &[]] {
        let server = ApiServer::start(verbs);
        let object = json!({"data": data(&[("A", "other"), ("B", value)]), "immutable": true});
        server.put("kubectl", "app", object);
        for arguments in [&["--verbose"][..], &["--force-conflicts", "--verbose"]] {
            let output = run(&world, &server, arguments);
            assert!(!output.status.success());
            for bytes in [output.stdout, output.stderr] {
                let text = text(&bytes);
                assert!(
                    !text.contains("canary") && !text.contains(&encoded),
                    "{text}"
                );
            }
        }
    }
}
