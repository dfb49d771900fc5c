//! The way to the API server: kubeconfigs, plugins, service accounts, and rights.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use serde_json::{Value, json};

use super::api_server::{ApiServer, NAMESPACE, TOKEN};
use super::{ROLE, command, failure, run, text, world};
use crate::world::World;

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
    let unreachable = "cannot reach the API server localhost:1: ";
    assert!(message.contains(unreachable), "{message}");
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

/// A proxy would get the token and the values in clear.
#[test]
fn an_api_server_without_tls_is_reached_without_a_proxy() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let mut config: Value = serde_json::from_str(&server.kubeconfig()).unwrap();
    let cluster = &mut config["clusters"][0]["cluster"];
    cluster["server"] = format!("http://{}", plain.local_addr().unwrap()).into();
    world.write("plain", &config.to_string(), 0o600);
    config["clusters"][0]["cluster"]["proxy-url"] = proxy_url.as_str().into();
    world.write("proxied", &config.to_string(), 0o600);
    thread::spawn(move || {
        for stream in plain.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n");
        }
    });
    for (kubeconfig, variable) in [("plain", proxy_url.as_str()), ("proxied", "")] {
        let output = command(&world, &server)
            .args(["--kubeconfig", kubeconfig])
            .env("HTTPS_PROXY", variable)
            .output()
            .unwrap();
        let message = text(&output.stderr);
        let seen = proxy.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(seen, Err(ErrorKind::WouldBlock), "{kubeconfig}: {message}");
        assert_eq!(output.status.code(), Some(3), "{kubeconfig}: {message}");
    }
}

/// Runs with a kubeconfig whose user is this one.
fn run_as(world: &World, server: &ApiServer, user: Value) -> Output {
    let mut config: Value = serde_json::from_str(&server.kubeconfig()).unwrap();
    config["users"][0]["user"] = user;
    world.write("plugin", &config.to_string(), 0o600);
    run(world, server, &["--kubeconfig", "plugin"])
}

fn exec(script: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", script],
        "env": [{"name": "HELVETISAFE_OF_THE_PLUGIN", "value": "x"}],
    }})
}

fn credential(status: &Value) -> Value {
    json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": status,
    })
}

#[test]
fn a_plugin_of_the_kubeconfig_gives_the_credential() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let credential = credential(&json!({"token": TOKEN}));
    let output = run_as(&world, &server, exec(&format!("echo '{credential}'")));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(server.entries("app"), ["A=one"]);
}

#[test]
fn a_plugin_that_fails_is_not_quoted() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    // An expired credential makes the plugin run again at the request.
    let expired = credential(&json!({
        "token": TOKEN, "expirationTimestamp": "2020-01-01T00:00:00Z",
    }));
    let again = format!(
        "if mkdir ran; then echo '{expired}'; else echo canary-token; echo canary-token >&2; exit 3; fi"
    );
    let failed = "the plugin failed (exit status: 3)";
    for (script, expected) in [
        ("echo canary-token; echo canary-token >&2; exit 3", failed),
        (again.as_str(), failed),
        (
            "echo '{\"kind\": \"canary-token\", \"status\": \"canary-token\"}'",
            "printed no credential",
        ),
    ] {
        let output = run_as(&world, &server, exec(script));
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
    assert!(server.take_log().is_empty());
}

/// `world` sets the client secret in a variable.
#[test]
fn a_plugin_gets_no_variable_of_this_command() {
    let world = world(&[("A", "one")]);
    let server = ApiServer::start(ROLE);
    let only_own = "test \"$(env | grep ^HELVETISAFE_)\" =";
    let credential = credential(&json!({"token": TOKEN}));
    let script = format!("{only_own} HELVETISAFE_OF_THE_PLUGIN=x && echo '{credential}'");
    let output = run_as(&world, &server, exec(&script));
    assert!(output.status.success(), "{}", text(&output.stderr));

    let script = format!("{only_own} '' && printf {TOKEN}");
    world.write("token.sh", &script, 0o600);
    let config = json!({"cmd-path": "sh", "cmd-args": "token.sh"});
    let user = json!({"auth-provider": {"name": "gcp", "config": config}});
    let output = run_as(&world, &server, user);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(server.entries("app"), ["A=one"]);
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
