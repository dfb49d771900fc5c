//! Writers of one secret at the same time: no field is lost, and none is written over a value that its
//! writer has not read.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use helvetisafe::{CachePolicy, Client, ErrorKind, Expiry, KeySource, Written};
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::{
    Action, AnyClient, ClientKind, PEM, Request, TokioClient, World, answer, credentials, earlier,
};

use super::asynchronous;

const DB: &str = "/api/v1/secrets/db";

fn connect(world: &World, kind: ClientKind) -> Arc<dyn AnyClient> {
    match kind {
        ClientKind::Blocking => Arc::new(world.client()),
        ClientKind::Async => Arc::new(TokioClient::connect(asynchronous::builder(world)).unwrap()),
    }
}

/// A world in which another client sets the field `theirs` just before the vault sees the first `PUT`, with
/// that request's fate.
fn world_of_two(
    fate: impl Fn(&Request, &[Request]) -> Option<Action> + Send + Sync + 'static,
) -> World {
    let other: Arc<OnceLock<Client>> = Arc::default();
    let shared = Arc::clone(&other);
    let world = World::new(move |seen, before| {
        if seen.is("PUT", DB) && earlier(before, "PUT", DB) == 0 {
            let other = shared.get().unwrap().secrets();
            other.set_field("db", "theirs", "2", Expiry::Keep).unwrap();
        }
        fate(seen, before)
    });
    let credentials = credentials(&world.account);
    let direct = Client::builder(world.vault.base_url(), credentials, KeySource::pem(PEM));
    let direct = direct.connect().unwrap();
    let first = [("first", "1"), ("second", "1")];
    direct.secrets().create_fields("db", &first, None).unwrap();
    assert!(other.set(direct).is_ok());
    world
}

#[test]
fn a_field_that_another_client_sets_meanwhile_stays() {
    for &kind in ClientKind::ALL {
        let world = world_of_two(|_, _| None);
        let client = connect(&world, kind);
        client.set_field("db", "ours", "3").unwrap();
        let read = client.get("db").unwrap();
        let names: Vec<_> = read.fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["first", "second", "theirs", "ours"], "{kind:?}");
    }
}

#[test]
fn many_writers_lose_no_field() {
    const WRITERS: usize = 6;
    for &kind in ClientKind::ALL {
        let world = World::new(|_, _| None);
        let fields = [("first", "1"), ("second", "1")];
        let client = world.client();
        client.secrets().create_fields("db", &fields, None).unwrap();
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let world = &world;
                scope.spawn(move || {
                    let field = format!("f{writer}");
                    let client: Arc<dyn AnyClient> = match kind {
                        ClientKind::Blocking => {
                            Arc::new(world.builder_on_the_real_clock().connect().unwrap())
                        }
                        ClientKind::Async => connect(world, kind),
                    };
                    client.set_field("db", &field, "1").unwrap();
                });
            }
        });
        let read = client.secrets().get("db").unwrap();
        assert_eq!(read.fields().len(), fields.len() + WRITERS, "{kind:?}");
    }
}

#[test]
fn a_writer_that_is_always_late_gives_up() {
    let world = World::new(|seen, _| {
        let body = r#"{"error":"text","code":"version_mismatch"}"#;
        seen.is("PUT", DB).then(|| answer(412, body))
    });
    let client = world.client();
    let fields = [("first", "1"), ("second", "1")];
    client.secrets().create_fields("db", &fields, None).unwrap();
    let error = client.secrets().set_field("db", "ours", "3", Expiry::Keep);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed);
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "cannot update the secret `db`: the server answered 412 Precondition Failed; the secret has \
         changed since it was read: read it again, then write"
    );
    assert_eq!(world.proxy.count("PUT", DB), 16);
    assert_eq!(world.proxy.count("GET", DB), 16);
}

/// A secret that is created between the read and the create gets the field.
#[test]
fn a_field_is_added_to_a_secret_that_another_client_creates_meanwhile() {
    for &kind in ClientKind::ALL {
        let world = World::new(|seen, before| {
            let is_first = seen.is("GET", DB) && earlier(before, "GET", DB) == 0;
            is_first.then(|| answer(404, r#"{"error":"not found"}"#))
        });
        let fields = [("first", "1"), ("second", "1")];
        let other = world.client();
        other.secrets().create_fields("db", &fields, None).unwrap();
        connect(&world, kind).set_field("db", "ours", "3").unwrap();
        let read = other.secrets().get("db").unwrap();
        assert_eq!(read.fields().len(), 3, "{kind:?}");
    }
}

/// Repeating it would turn the own success into a 412.
#[test]
fn an_update_with_a_version_is_read_back_after_a_lost_answer() {
    for &kind in ClientKind::ALL {
        for (fate, puts) in [
            (Action::ForwardAndClose, 1),
            (Action::ForwardAndTruncate(60), 1),
            (Action::ForwardAndAnswer(500), 1),
            (answer(200, "<html>"), 2),
            (Action::Close, 2),
            (answer(502, ""), 2),
        ] {
            let world = World::new(move |seen, before| {
                let is_first = seen.is("PUT", DB) && earlier(before, "PUT", DB) == 0;
                is_first.then(|| fate.clone())
            });
            let fields = [("first", "1"), ("second", "1")];
            let other = world.client();
            other.secrets().create_fields("db", &fields, None).unwrap();
            connect(&world, kind).set_field("db", "ours", "3").unwrap();
            assert_eq!(world.proxy.count("PUT", DB), puts, "{kind:?}");
            assert_eq!(world.proxy.count("GET", DB), 2, "{kind:?}");
            let read = other.secrets().get("db").unwrap();
            assert_eq!(read.fields().len(), 3, "{kind:?}");
        }
    }
}

#[test]
fn an_update_whose_answer_is_lost_before_another_write_is_ambiguous() {
    for &kind in ClientKind::ALL {
        let world = world_of_two(|seen, _| seen.is("PUT", DB).then_some(Action::Close));
        let error = connect(&world, kind).set_field("db", "ours", "3");
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Ambiguous, "{kind:?}");
        assert_eq!(world.proxy.count("PUT", DB), 1);
    }
}

#[test]
fn an_update_happens_only_if_the_secret_is_as_it_was_read() {
    let world = World::new(|_, _| None);
    let cached = world
        .builder()
        .cache(CachePolicy::new(Duration::from_secs(60)));
    for client in [world.client(), cached.connect().unwrap()] {
        let secrets = client.secrets();
        let created = secrets.put("db", "one", None).unwrap();
        let read = secrets.get("db").unwrap();
        assert_eq!(read.version(), created.metadata().version());
        let listed = secrets.list().unwrap().remove(0);
        assert_eq!(listed.version(), read.version());
        assert!(read.updated_at().is_some() && read.version().is_some());

        let write = |value| secrets.update_if_unchanged("db", read.version(), value, Expiry::Keep);
        let updated = write("two").unwrap();
        assert_ne!(updated.version(), read.version());
        let again = secrets.get("db").unwrap();
        assert_eq!(again.version(), updated.version());
        assert_eq!(again.updated_at(), updated.updated_at());
        assert_eq!(write("three").unwrap_err().kind(), ErrorKind::Changed);
        assert_eq!(secrets.get("db").unwrap().expose_secret(), "two");

        // A version can be stored as text.
        let stored = updated.version().unwrap().to_string().parse().unwrap();
        let outcome = secrets.update_if_unchanged("db", Some(&stored), "four", Expiry::Keep);
        outcome.unwrap();
        secrets.delete("db").unwrap();
        let error = secrets.update_if_unchanged("db", Some(&stored), "five", Expiry::Keep);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[test]
fn fields_and_a_copy_replace_only_the_secret_that_was_read() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let fields = [("first", "1"), ("second", "2")];
    secrets.create_fields("db", &fields, None).unwrap();
    secrets.create("one", "v", None).unwrap();
    let read = secrets.get("db").unwrap();
    let set = |version| secrets.update_fields_if_unchanged("db", version, &fields, Expiry::Keep);
    let copy = |version| secrets.copy_if_unchanged("one", "db", version);
    let written = set(read.version()).unwrap();
    assert_ne!(written.version(), read.version());
    assert_eq!(copy(read.version()).unwrap_err().kind(), ErrorKind::Changed);
    let read = secrets.get("db").unwrap();
    assert_eq!(read.fields().len(), 2);
    copy(read.version()).unwrap();
    assert_eq!(secrets.get("db").unwrap().expose_secret(), "v");
    assert_eq!(set(read.version()).unwrap_err().kind(), ErrorKind::Changed);
    for outcome in [set(None), copy(None)] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn a_write_reports_if_it_created_the_secret() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    for is_created in [true, false] {
        let put = secrets.put("db", "one", None).unwrap();
        let many = secrets.put_many([("many", "one")]).remove(0).unwrap();
        let set = secrets.set_field("multi", "F", "1", Expiry::Keep).unwrap();
        let copied = secrets.copy_over("db", "copy").unwrap();
        for written in [put, many, set, copied] {
            assert_eq!(written.is_created(), is_created);
            assert_eq!(matches!(written, Written::Created(_)), is_created);
            assert!(written.metadata().version().is_some());
        }
    }
    secrets
        .update_field("multi", "F", "2", Expiry::Keep)
        .unwrap();
    let read = secrets.get_field("multi", "F").unwrap();
    assert_eq!(helvetisafe::ExposeSecret::expose_secret(&read), "2");
    let error = secrets.update_field("none", "F", "2", Expiry::Keep);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
}

/// As the published vault is.
#[test]
fn a_vault_without_versions_gets_no_condition() {
    for &kind in ClientKind::ALL {
        let vault = Vault::ephemeral().unwrap();
        let address = vault.address();
        let world = World::with(vault, NewAccount::default(), move |seen, _| {
            assert_eq!(seen.header("if-match"), None);
            let text = String::from_utf8(seen.forward(address)).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let status = head[9..12].parse().unwrap();
            Some(answer(status, body.replace("\"version\"", "\"other\"")))
        });
        let fields = [("first", "1"), ("second", "1")];
        let other = world.client();
        let secrets = other.secrets();
        secrets.create_fields("db", &fields, None).unwrap();
        connect(&world, kind).set_field("db", "ours", "3").unwrap();
        let read = secrets.get("db").unwrap();
        assert_eq!((read.fields().len(), read.version()), (3, None), "{kind:?}");

        let puts = world.proxy.count("PUT", DB);
        let error = secrets.update_if_unchanged("db", read.version(), "v", Expiry::Keep);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            error.to_string(),
            "cannot update the secret `db`: the vault gave no version of it, so it cannot check \
             that it is unchanged; update it without a condition"
        );
        assert_eq!(world.proxy.count("PUT", DB), puts);
    }
}
