//! The asynchronous client has all methods of the blocking one, and a task can call each of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use helvetisafe::Expiry;
use helvetisafe_test_support::World;

use super::client;

/// The source of a module of the client: its file, and the files of the folder of the same name.
fn source(module: &str) -> String {
    let module = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).join(module);
    let children = fs::read_dir(&module).unwrap();
    let children = children.map(|entry| entry.unwrap().path());
    let files = children.chain([module.with_extension("rs")]);
    files
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

/// The public methods of a module and what they take, without the bounds that only futures need.
fn methods(source: &str) -> BTreeMap<&str, String> {
    let public = source.split("    pub ").skip(1);
    let methods = public.filter_map(|method| {
        let (name, rest) = method.split_once("fn ")?.1.split_once("&self")?;
        let ends = [") ->", ") {"].map(|end| rest.find(end).unwrap_or(rest.len()));
        let taken: String = rest[..ends[0].min(ends[1])].split_whitespace().collect();
        let taken = taken.replace("+Send", "").replace("+Sync", "");
        Some((
            name.split(['(', '<']).next()?,
            taken.trim_end_matches(',').to_owned(),
        ))
    });
    methods.collect()
}

#[test]
fn the_asynchronous_client_has_every_method_with_the_same_arguments() {
    for (blocking, asynchronous) in [
        ("secrets", "async_client/secrets"),
        ("client/organization", "async_client/organization"),
    ] {
        let [blocking, asynchronous] = [blocking, asynchronous].map(source);
        let [mut blocking, asynchronous] = [&blocking, &asynchronous].map(|it| methods(it));
        // A future is cancelled by dropping it.
        blocking.remove("cancelled_by");
        assert!(blocking.len() > 15, "{blocking:#?}");
        assert_eq!(blocking, asynchronous);
    }
}

/// Runs a call in a task, whose future has to be `Send` and `'static`.
macro_rules! in_a_task {
    ($client:ident, |$secrets:ident| $call:expr) => {{
        let client = $client.clone();
        let call = async move {
            let $secrets = client.secrets();
            $call.await
        };
        tokio::spawn(call).await.unwrap()
    }};
}

#[tokio::test]
async fn every_call_can_run_in_a_spawned_task() {
    let world = World::new(|_, _| None);
    let client = tokio::spawn(super::builder(&world).connect());
    let client = client.await.unwrap().unwrap();
    let name = || String::from("a");
    let fields = [("user", "u"), ("mail", "m")];
    in_a_task!(client, |it| it.create(name(), "v", None)).unwrap();
    in_a_task!(client, |it| it.get(name())).unwrap();
    assert!(in_a_task!(client, |it| it.exists(name())).unwrap());
    in_a_task!(client, |it| it.update(name(), "v", Expiry::Keep)).unwrap();
    in_a_task!(client, |it| it.put(name(), "v", None)).unwrap();
    in_a_task!(client, |it| it.copy(name(), "b")).unwrap();
    in_a_task!(client, |it| it.copy_over(name(), "b")).unwrap();
    in_a_task!(client, |it| it.create_fields("c", &fields, None)).unwrap();
    in_a_task!(client, |it| it.update_fields("c", &fields, Expiry::Keep)).unwrap();
    in_a_task!(client, |it| it.set_field("c", "n", "1", Expiry::Keep)).unwrap();
    in_a_task!(client, |it| it.get_field("c", "n")).unwrap();
    in_a_task!(client, |it| it.update_field("c", "n", "2", Expiry::Keep)).unwrap();
    let version = in_a_task!(client, |it| it.get(name())).unwrap();
    let version = version.version().cloned();
    in_a_task!(client, |it| it.update_if_unchanged(
        name(),
        version.as_ref(),
        "v",
        Expiry::Keep
    ))
    .unwrap();
    let version = in_a_task!(client, |it| it.get("c")).unwrap();
    let version = version.version().cloned();
    in_a_task!(client, |it| it.update_fields_if_unchanged(
        "c",
        version.as_ref(),
        &fields,
        Expiry::Keep
    ))
    .unwrap();
    let version = in_a_task!(client, |it| it.get("b")).unwrap();
    let version = version.version().cloned();
    in_a_task!(client, |it| it.copy_if_unchanged(
        name(),
        "b",
        version.as_ref()
    ))
    .unwrap();
    in_a_task!(client, |it| it.get_with_fields("c", &["n"])).unwrap();
    assert_eq!(in_a_task!(client, |it| it.list()).unwrap().len(), 3);
    assert_eq!(in_a_task!(client, |it| it.get_all()).unwrap().len(), 3);
    assert_eq!(in_a_task!(client, |it| it.get_many(&[name()])).len(), 1);
    let get_many = in_a_task!(client, |it| it.get_many_with(&["a"], |_| ()));
    let put_many = in_a_task!(client, |it| it.put_many(&[(name(), name())]));
    let put_many_with = in_a_task!(client, |it| it.put_many_with(&[("a", "v")], |_| ()));
    assert!(get_many[0].is_ok() && put_many[0].is_ok() && put_many_with[0].is_ok());
    in_a_task!(client, |it| it.delete("b")).unwrap();
}

#[tokio::test]
async fn a_watch_outlives_its_client_in_a_task() {
    let world = World::new(|_, _| None);
    let client = client(&world).await;
    let interval = Duration::from_millis(20);
    let mut changes = client.secrets().watch(["a"], interval).unwrap();
    client.secrets().invalidate("a");
    drop(client);
    let next = tokio::spawn(async move { changes.next().await });
    // The first poll has to precede the write.
    while world.proxy.count("GET", "/api/v1/secrets") == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.client().secrets().create("a", "v", None).unwrap();
    let change = next.await.unwrap().unwrap().unwrap();
    assert_eq!(change.key().as_str(), "a");
}
