//! Entries of this command, of others and of the published package: who owns, changes and removes them.

use serde_json::json;

use super::api_server::ApiServer;
use super::{OLD_ROLE, PYTHON, ROLE, data, failure, run, sync, text, world};

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
fn an_entry_that_a_python_tool_has_later_stays() {
    let world = world(&[("A", "one"), ("B", "two")]);
    let server = ApiServer::start(OLD_ROLE);
    sync(&world, &server, &[]);
    let mut object = server.secret("app").unwrap();
    let managed = object["metadata"]["managedFields"].as_array_mut().unwrap();
    managed.push(json!({
        "manager": PYTHON, "operation": "Update", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:A": {}}},
    }));
    server.put(PYTHON, "app", object);
    // The own fields move to the apply, and only they.
    server.allow(ROLE);
    sync(&world, &server, &[]);
    assert_eq!(server.owned("app", PYTHON, "Update"), ["data/A"]);
    assert_eq!(sync(&world, &server, &["--key", "B"]), "");
    assert_eq!(server.entries("app"), ["A=one", "B=two"]);
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
