//! The way to the API server: kubeconfigs, plugins, service accounts, and rights.

use std::process::Command;

use serde_json::{Value, json};

use super::api_server::{ApiServer, NAMESPACE, TOKEN};
use super::{ROLE, failure, run, text, world};

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
