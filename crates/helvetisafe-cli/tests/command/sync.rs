//! `sync` against an API server that enforces what Kubernetes does.

pub(crate) mod api_server;
mod manifests;
mod peer;

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::world::{World, start_proxy};
use api_server::{ApiServer, NAMESPACE, TOKEN};
use helvetisafe_test_support::Action;

/// The verbs of the Role in docs/kubernetes, and of the Python package's.
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
fn the_label_of_another_tool_stays() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let labels = json!({"app.kubernetes.io/managed-by": "Helm"});
    server.put("helm", "app", json!({"metadata": {"labels": labels}}));
    sync(&world, &server, &[]);
    assert_eq!(server.secret("app").unwrap()["metadata"]["labels"], labels);
}

#[test]
fn entries_of_others_stay_unless_pruned() {
    for role in [ROLE, OLD_ROLE] {
        let world = world(&[("A", "one")]);
        let server = ApiServer::start(role);
        server.put("kubectl", "app", json!({"data": data(&[("X", "theirs")])}));
        let output = run(&world, &server, &[]);
        let messages = text(&output.stderr);
        assert!(
            messages.contains("entries of other managers stay: X"),
            "{messages}"
        );
        assert_eq!(server.entries("app"), ["A=one", "X=theirs"]);
        assert_eq!(sync(&world, &server, &["--prune", "--dry-run"]), "- X\n");
        assert_eq!(server.entries("app"), ["A=one", "X=theirs"]);
        assert_eq!(sync(&world, &server, &["--prune"]), "- X\n");
        assert_eq!(server.entries("app"), ["A=one"]);
    }
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
fn without_patch_it_reads_and_replaces_the_version_it_read() {
    let world = world(&[("A", "one"), ("B", "two")]);
    let server = ApiServer::start(OLD_ROLE);
    sync(&world, &server, &[]);
    let log = server.take_log();
    assert_eq!(
        log.last().unwrap(),
        "POST application/json fieldManager=helvetisafe"
    );
    assert_eq!(server.entries("app"), ["A=one", "B=two"]);

    // An entry of another client stays.
    let with_x = data(&[("A", "one"), ("B", "two"), ("X", "theirs")]);
    let mut object = server.secret("app").unwrap();
    object["data"] = with_x;
    server.put("kubectl", "app", object);
    world.set("A", "changed");
    assert_eq!(sync(&world, &server, &["--key", "A"]), "~ A\n- B\n");
    assert_eq!(server.entries("app"), ["A=changed", "X=theirs"]);
    let log = server.take_log();
    assert_eq!(
        log.last().unwrap(),
        "PUT application/json fieldManager=helvetisafe"
    );
}

#[test]
fn a_replacement_that_meets_another_write_is_repeated() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(OLD_ROLE);
    server.put("kubectl", "app", json!({"data": data(&[("X", "1")])}));
    // The second read is that of the replacement: at the first one an apply was tried.
    server.after_reads(1, |store| {
        store.put("kubectl", "app", json!({"data": data(&[("X", "2")])}));
    });
    sync(&world, &server, &[]);
    assert_eq!(server.entries("app"), ["A=one", "X=2"]);
    let log = server.take_log();
    let replaced = log.iter().filter(|it| it.starts_with("PUT")).count();
    assert_eq!(replaced, 2, "{log:?}");
}

#[test]
fn a_secret_of_the_python_package_is_taken_over_once() {
    for (role, operation) in [(ROLE, "Apply"), (OLD_ROLE, "Update")] {
        let world = world(&[("A", "same"), ("B", "new")]);
        let server = ApiServer::start(role);
        let old = data(&[("A", "same"), ("B", "old"), ("C", "gone from the vault")]);
        server.put(PYTHON, "app", json!({"data": old, "type": "Opaque"}));
        assert_eq!(sync(&world, &server, &[]), "~ B\n");
        let owned = server.owned("app", "helvetisafe", operation);
        assert!(owned.contains(&"data/A".to_owned()), "{owned:?}");
        assert!(owned.contains(&"data/B".to_owned()), "{owned:?}");
        assert_eq!(server.owned("app", PYTHON, "Update"), ["data/C", "type"]);
        // They are removed when they are no longer selected, as all of its own.
        assert_eq!(sync(&world, &server, &["--key", "B"]), "- A\n");

        // The package writes again: now both do.
        let mut object = server.secret("app").unwrap();
        object["data"] = data(&[("B", "of the package")]);
        object["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        server.put(PYTHON, "app", object);
        let (status, message) = failure(&world, &server, &["--key", "B"]);
        assert_eq!(status, 6, "{message}");
        let expected = "the entry `B` belongs to the field manager `OpenAPI-Generator`";
        assert!(message.contains(expected), "{message}");
        assert_eq!(server.entries("app"), ["B=of the package"]);
        assert_eq!(
            sync(&world, &server, &["--key", "B", "--force-conflicts"]),
            "~ B\n"
        );
        assert_eq!(server.entries("app"), ["B=new"]);
    }
}

#[test]
fn entries_written_without_patch_are_owned_by_the_apply_later() {
    let world = world(&[("A", "one"), ("B", "two")]);
    let server = ApiServer::start(OLD_ROLE);
    sync(&world, &server, &[]);
    server.allow(ROLE);
    world.set("A", "changed");
    assert_eq!(sync(&world, &server, &["--key", "A"]), "~ A\n- B\n");
    assert_eq!(server.entries("app"), ["A=changed"]);
    let owned = server.owned("app", "helvetisafe", "Apply");
    assert_eq!(
        owned,
        ["data/A", "labels/app.kubernetes.io/managed-by", "type"]
    );
}

#[test]
fn a_conflict_names_the_entry_and_its_manager() {
    for role in [ROLE, OLD_ROLE] {
        let world = world(&[("A", "one"), ("B", "two")]);
        let server = ApiServer::start(role);
        server.put("argocd", "app", json!({"data": data(&[("A", "theirs")])}));
        let (status, message) = failure(&world, &server, &[]);
        assert_eq!(status, 6);
        let expected = "the entry `A` belongs to the field manager `argocd`";
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("--force-conflicts"), "{message}");
        assert_eq!(server.entries("app"), ["A=theirs"]);
        // An equal value is no conflict.
        world.set("A", "theirs");
        sync(&world, &server, &[]);
        world.set("A", "one");
        assert_eq!(sync(&world, &server, &["--force-conflicts"]), "~ A\n");
        assert_eq!(server.entries("app"), ["A=one", "B=two"]);
    }
}

#[test]
fn a_conflict_that_only_the_server_sees_is_explained() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    server.put("kubectl", "app", json!({}));
    // It appears after the read.
    server.after_reads(0, |store| {
        store.put("argocd", "app", json!({"data": data(&[("A", "theirs")])}));
    });
    let (status, message) = failure(&world, &server, &[]);
    assert_eq!(status, 6);
    assert!(message.contains("conflict with \"argocd\""), "{message}");
    assert!(message.contains("--force-conflicts"), "{message}");
}

#[test]
fn a_missing_right_is_named_with_its_verb() {
    let world = world(&[("A", "one")]);
    for (verbs, missing) in [
        (&[][..], "get"),
        (&["get", "patch"], "create"),
        (&["get"], "create"),
        (&["get", "create"], "update"),
    ] {
        let server = ApiServer::start(verbs);
        if missing == "update" {
            server.put("kubectl", "app", json!({}));
        }
        let (status, message) = failure(&world, &server, &[]);
        assert_eq!(status, 4, "{message}");
        let expected = format!("cannot {missing} resource \"secrets\"");
        assert!(message.contains(&expected), "{message}");
        let advice = format!("`{missing}`");
        assert!(message.contains(&advice), "{message}");
        assert!(message.contains("docs/kubernetes.md"), "{message}");
    }
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
fn a_server_that_cannot_be_verified_or_reached_gets_nothing() {
    let world = world(&[("A", "one")]);
    let (server, other) = (ApiServer::start(ROLE), ApiServer::start(ROLE));
    let text = |port: u16| {
        let config = other.kubeconfig();
        config.replace(&other.port().to_string(), &port.to_string())
    };
    let sync = |config: &str| {
        world.write("other", config, 0o600);
        failure(&world, &server, &["--kubeconfig", "other"])
    };
    // The authority is that of the other server.
    let (status, message) = sync(&text(server.port()));
    assert_eq!(status, 9, "{message}");
    assert!(message.contains("certificate"), "{message}");
    assert!(server.take_log().is_empty());
    let (status, message) = sync(&text(1));
    assert_eq!(status, 9, "{message}");
    assert!(message.contains("cannot reach the API server"), "{message}");
    let (status, message) = sync(&other.kubeconfig().replace(TOKEN, "another"));
    assert_eq!(status, 3, "{message}");
    let (status, message) = sync(
        &other
            .kubeconfig()
            .replace("https://localhost", "http://api.example"),
    );
    assert_eq!(status, 2, "{message}");
    assert!(message.contains("has no TLS"), "{message}");
    let (status, message) = sync("{}");
    assert_eq!(status, 2, "{message}");
    assert!(message.contains("cannot read the kubeconfig"), "{message}");
    let (status, message) = failure(&world, &server, &["--context", "none"]);
    assert_eq!(status, 2, "{message}");
}

#[test]
fn a_plugin_of_the_kubeconfig_gives_the_credential() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let with_plugin = |script: &str| {
        let mut config: Value = serde_json::from_str(&server.kubeconfig()).unwrap();
        config["users"][0]["user"] = json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
            "command": "sh", "args": ["-c", script],
        }});
        world.write("plugin", &config.to_string(), 0o600);
        run(&world, &server, &["--kubeconfig", "plugin"])
    };
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": TOKEN},
    });
    let output = with_plugin(&format!("echo '{credential}'"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(server.entries("app"), ["A=one"]);
    for (script, expected) in [
        (
            "echo canary-token; echo log in first >&2; exit 3",
            "log in first",
        ),
        (
            "echo '{\"kind\": \"canary-token\", \"status\": \"canary-token\"}'",
            "printed no credential",
        ),
    ] {
        let output = with_plugin(script);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        let message = text(&output.stderr);
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("canary-token"), "{message}");
    }
}

#[test]
fn a_broken_kubeconfig_is_not_quoted() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    world.write(
        "broken",
        "users:\n- user: {token: canary-token\n  x: [",
        0o600,
    );
    let (status, message) = failure(&world, &server, &["--kubeconfig", "broken"]);
    assert_eq!(status, 2);
    assert!(message.contains("it is not valid in line 3"), "{message}");
    assert!(!message.contains("canary-token"), "{message}");
}

/// Starts a `sync --watch` and waits until `is_done` accepts its messages.
fn watch(mut command: Command, is_done: impl Fn(&str) -> bool) -> (Child, String) {
    let stderr = tempfile::NamedTempFile::new().unwrap();
    command.stderr(stderr.reopen().unwrap());
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let messages = || std::fs::read_to_string(stderr.path()).unwrap();
    wait(|| is_done(&messages()), &messages);
    (child, messages())
}

fn wait(is_done: impl Fn() -> bool, shown: &dyn Fn() -> String) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", shown());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends it with SIGTERM and returns its output.
fn end(child: Child) -> String {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout)
}

#[test]
fn a_watch_follows_the_vault_and_repairs_the_secret() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let mut command = command(&world, &server);
    command.args(["--watch", "1s"]);
    let has = |entry: &str| server.secret("app").is_some() && server.entries("app") == [entry];
    let (child, _) = watch(command, |_| has("A=one"));
    let shown = || format!("{:?}", server.take_log());
    world.set("A", "two");
    wait(|| has("A=two"), &shown);
    // A deleted entry comes back.
    server.put("kubectl", "app", json!({"data": {}}));
    wait(|| has("A=two"), &shown);
    assert_eq!(end(child), "+ A\n~ A\n+ A\n");
}

#[test]
fn a_watch_survives_a_vault_and_a_server_that_are_down() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let is_down = Arc::new(AtomicBool::new(true));
    let down = Arc::clone(&is_down);
    let proxy = start_proxy(move |_, _| match down.load(Ordering::SeqCst) {
        true => Action::Close,
        false => Action::Forward,
    });
    let mut command = command(&world, &server);
    command.env("HELVETISAFE_BASE_URL", proxy.base_url()).args([
        "--watch",
        "1s",
        "--timeout",
        "1s",
    ]);
    let (child, _) = watch(command, |messages| messages.contains("trying again in 2 s"));
    is_down.store(false, Ordering::SeqCst);
    let has = |entry: &str| server.secret("app").is_some() && server.entries("app") == [entry];
    wait(|| has("A=one"), &String::new);
    // More than the client repeats by itself.
    server.fail(5);
    world.set("A", "two");
    wait(|| has("A=two"), &String::new);
    end(child);
}

#[test]
fn a_watch_ends_at_a_failure_that_lasts() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(&["get"]);
    let (status, message) = failure(&world, &server, &["--watch"]);
    assert_eq!(status, 4, "{message}");
}

/// The service account of a pod is in a fixed folder, which is mounted here in a namespace of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_pod_uses_its_service_account() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    world.write("token", TOKEN, 0o600);
    world.write("ca.crt", server.authority(), 0o600);
    world.write("namespace", NAMESPACE, 0o600);
    let script = "
        set -e
        mount -t tmpfs tmpfs /run
        mkdir -p /run/secrets/kubernetes.io/serviceaccount
        cp token ca.crt namespace /run/secrets/kubernetes.io/serviceaccount
        exec helvetisafe sync --name app";
    let mut command = Command::new("unshare");
    world.prepare(&mut command);
    let output = command
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .env("KUBERNETES_SERVICE_HOST", "localhost")
        .env("KUBERNETES_SERVICE_PORT", server.port().to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(server.entries("app"), ["A=one"]);

    let mut command = world.command();
    let output = command
        .args(["sync", "--name", "app"])
        .env("KUBERNETES_SERVICE_HOST", "localhost")
        .env("KUBERNETES_SERVICE_PORT", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(
        message.contains("automountServiceAccountToken"),
        "{message}"
    );
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
