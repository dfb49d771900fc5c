//! The manifests in `deploy/kubernetes` use arguments and variables that exist, and grant what `sync` needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::{data, sync, text, world};

/// The commands whose arguments are checked.
const COMMANDS: &[&str] = &["sync", "inject", "agent"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns all objects of all manifests.
fn objects() -> Vec<Value> {
    let folder = repository().join("deploy/kubernetes");
    let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let texts = files.map(|path| fs::read_to_string(path).unwrap());
    texts
        .flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).unwrap())
        .collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |it| it["kind"] == kind)
}

/// Returns the containers of this command's image below a value.
fn containers(value: &Value) -> Vec<&Value> {
    let is_ours = |value: &Value| {
        let image = value["image"].as_str();
        image.is_some_and(|image| image.contains("/helvetisafe:"))
    };
    let below: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(members) => Box::new(members.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => Box::new(std::iter::empty()),
    };
    let own = Some(value).filter(|it| is_ours(it));
    own.into_iter().chain(below.flat_map(containers)).collect()
}

#[test]
fn the_arguments_exist() {
    let objects = objects();
    let containers: Vec<_> = objects.iter().flat_map(containers).collect();
    assert_eq!(containers.len(), 3);
    for container in containers {
        let args = container["args"].as_array().unwrap().iter();
        let args: Vec<_> = args.map(|it| it.as_str().unwrap()).collect();
        if COMMANDS.contains(&args[0]) {
            let mut command = Command::new(env!("CARGO_BIN_EXE_helvetisafe"));
            // An unknown argument before it is refused.
            let output = command.args(&args).arg("--help").output().unwrap();
            assert!(output.status.success(), "{args:?}");
        }
    }
}

#[test]
fn the_variables_are_settings() {
    let objects = objects();
    let maps = of_kind(&objects, "ConfigMap");
    // The other one is the vault's.
    let maps: Vec<_> = maps
        .filter(|it| it["metadata"]["name"] == "helvetisafe")
        .collect();
    assert_eq!(maps.len(), 1);
    let variables = maps[0]["data"].as_object().unwrap();
    assert!(variables.contains_key("HELVETISAFE_ALLOW_UNBOUND"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_helvetisafe"));
    command.env_clear().args(["config", "show"]);
    let values = variables
        .iter()
        .map(|(name, value)| (name, value.as_str().unwrap()));
    let output = command.envs(values).output().unwrap();
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{shown}{}", text(&output.stderr));
    // It is no setting of the vault: it selects.
    let settings = variables
        .keys()
        .filter(|it| *it != "HELVETISAFE_SECRET_KEYS");
    for name in settings {
        assert!(shown.contains(name.as_str()), "{name} is not in {shown}");
    }
}

#[test]
fn the_role_is_enough() {
    let objects = objects();
    let roles: Vec<_> = of_kind(&objects, "Role").collect();
    assert_eq!(roles.len(), 1);
    let rules = roles[0]["rules"].as_array().unwrap().iter();
    let rules = rules.inspect(|rule| assert_eq!(rule["resources"], json!(["secrets"])));
    let verbs = rules.flat_map(|rule| rule["verbs"].as_array().unwrap());
    let verbs: Vec<&'static str> = verbs
        .map(|verb| &*verb.as_str().unwrap().to_owned().leak())
        .collect();
    let world = world(&[("A", "one"), ("B", "two")]);
    let server = ApiServer::start(&verbs);
    sync(&world, &server, &[]);
    server.put(
        "kubectl",
        "app",
        json!({"data": data(&[("B", "two"), ("X", "1")])}),
    );
    sync(&world, &server, &["--prune", "--force-conflicts"]);
    assert_eq!(server.entries("app"), ["A=one", "B=two"]);
}
