//! Values that another client stored as JSON other than a string, such as the number 5432.

use std::process::Output;

use helvetisafe::{Expiry, FieldValue};
use helvetisafe_test_support::{Action, Proxy, answer};

use crate::world::{World, start_proxy};

/// Returns a proxy in front of a vault with the secret `port`, which holds `{"port":…}` with this JSON. The
/// library does not write such a secret, so the payload is that of a field.
fn with_port(world: &World, json: &'static str) -> Proxy {
    let field = FieldValue::json(json).unwrap();
    let secrets = world.client();
    let secrets = secrets.secrets();
    secrets
        .create_fields("HOLDER", &[("port", field)], Expiry::Keep)
        .unwrap();
    let (value, nonce) = world.stored("HOLDER");
    start_proxy(move |request, _| match request.path.as_str() {
        "/api/v1/secrets/port" => answer(
            200,
            format!(r#"{{"key":"port","value":"{value}","nonce":"{nonce}"}}"#),
        ),
        _ => Action::Forward,
    })
}

fn run(world: &World, proxy: &Proxy, arguments: &[&str]) -> Output {
    world
        .command_through(proxy)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn every_command_gives_the_json_text_of_the_value() {
    for json in ["5432", "[1, \"\\u0041\"]", "{\"port\":\"inner\"}", "true"] {
        let world = World::new();
        let proxy = with_port(&world, json);
        world.write("template", "{{ secret \"port\" }}", 0o600);
        for (arguments, end) in [
            (&["get", "port"][..], ""),
            (&["get", "port", "--require-binding"], ""),
            (&["inject", "template"], ""),
            (&["run", "--key", "port", "--", "printenv", "port"], "\n"),
            (&["run", "--env", "P=port", "--", "printenv", "P"], "\n"),
        ] {
            let output = run(&world, &proxy, arguments);
            let stdout = String::from_utf8_lossy(&output.stdout);
            assert_eq!(stdout, format!("{json}{end}"), "{arguments:?}: {output:?}");
        }
        let object = run(
            &world,
            &proxy,
            &["export", "--format", "json", "--key", "port"],
        );
        let object: serde_json::Value = serde_json::from_slice(&object.stdout).unwrap();
        assert_eq!(object["port"], json);
        let files = run(
            &world,
            &proxy,
            &["inject", "--output-dir", "out", "--key", "port"],
        );
        assert!(files.status.success(), "{files:?}");
        let file = std::fs::read_to_string(world.folder.path().join("out/port")).unwrap();
        assert_eq!(file, json);
    }
}

#[test]
fn a_copy_has_the_same_value() {
    let world = World::new();
    let proxy = with_port(&world, "5432");
    let output = run(&world, &proxy, &["copy", "port", "copied"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        run(&world, &proxy, &["get", "copied"]).stdout,
        b"5432",
        "{output:?}"
    );
}
