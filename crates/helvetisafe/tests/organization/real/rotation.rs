//! The replacement of the org key.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use helvetisafe::reexports::http::{Request, Response};
use helvetisafe::{CallOptions, Expiry, Failure, Transport, TransportError};

use super::*;

const WRITER: &str = "secrets:read secrets:write credentials:read";
const ROTATIONS: &str = "/api/v1/organization/rotations";

impl Real {
    fn rotate(&self, new: &NewOrgKey) -> Rotated {
        let rotated = self.ada().rotate(&self.administrator(), new, |_| {});
        rotated.unwrap()
    }

    /// Ada's client with a transport of the test around its own.
    pub(super) fn through<T: Transport + 'static>(
        &self,
        around: impl FnOnce(Arc<dyn Transport>) -> T + Send + 'static,
    ) -> Client {
        let source = KeySource::pem(self.ada.private_key.to_pkcs8_pem().unwrap().as_bytes());
        Client::builder(self.vault.base_url(), self.ada.credentials(), source)
            .scopes(ADMINISTRATOR.parse::<Scopes>().unwrap())
            .org_key_rotation(OrgKeyRotation::follow_chain(self.anchor))
            .attempts(1)
            .around_transport(around)
            .connect()
            .unwrap()
    }
}

#[test]
fn readers_with_an_anchor_read_on_through_a_replacement() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        for number in 0..300 {
            ada.create(&format!("k{number}"), &format!("v@lue {number}"))
                .unwrap();
        }
        let bob = real.member("bob", READER);
        let bobs = real.connect(&bob, READER).unwrap();
        assert_eq!(bobs.get("k7").unwrap(), "v@lue 7");
        let code = real.invite("carol", READER);
        let new = NewOrgKey::generate().unwrap();
        let mut seen = vec![];
        let rotated = ada.rotate(&real.administrator(), &new, |it| seen.push(it));
        let rotated = rotated.unwrap();
        assert_eq!(
            seen.last().map(|it| (it.staged, it.remaining)),
            Some((300, 0))
        );
        assert_eq!(
            (rotated.key_epoch, ada.account().unwrap().key_epoch),
            (2, 2)
        );
        for client in [&ada, &bobs, &real.ada()] {
            for number in [0, 7, 299] {
                let value = client.get(&format!("k{number}")).unwrap();
                assert_eq!(value, format!("v@lue {number}"));
            }
            assert_eq!(client.fingerprint(), new.key.fingerprint());
        }
        assert_eq!(bobs.head(), Some(rotated.head));
        ada.create("later", "v@lue").unwrap();
        assert_eq!(bobs.get("later").unwrap(), "v@lue");
        // Again, as after a lost answer, with the stored key.
        let stored = ada.wrap_new_key(&new).unwrap();
        let same = ada.unwrap_new_key(new.id, &stored).unwrap();
        assert_eq!(real.rotate(&same), rotated);
        let of_bob = bobs.unwrap_new_key(new.id, &stored).err().unwrap();
        assert_eq!(of_bob.kind(), ErrorKind::Crypto);
        // The code is from before.
        let carol = other_keys(false);
        real.join(&code, &carol).unwrap();
        ada.confirm(&real.administrator(), "carol").unwrap();
        let carols = real.connect(&carol, READER).unwrap();
        assert_eq!(carols.get("k7").unwrap(), "v@lue 7");
    }
}

/// Fails the changing request after the first `left` ones, and all later requests, as a process that is killed. With
/// `is_answer_lost`, that request still arrives.
struct Cut {
    inner: Arc<dyn Transport>,
    left: AtomicUsize,
    is_answer_lost: bool,
    is_cut: AtomicBool,
}

impl Cut {
    fn new(inner: Arc<dyn Transport>, left: usize, is_answer_lost: bool) -> Self {
        Self {
            inner,
            left: left.into(),
            is_answer_lost,
            is_cut: false.into(),
        }
    }
}

impl Transport for Cut {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let dead = TransportError::new(Failure::DeadConnection);
        if self.is_cut.load(Ordering::Relaxed) {
            return Err(dead);
        }
        let is_change = request.uri().path().starts_with(ROTATIONS) && request.method() != "GET";
        let left = self.left.load(Ordering::Relaxed);
        if !is_change || left > 0 {
            self.left
                .store(left - usize::from(is_change), Ordering::Relaxed);
            return self.inner.send(request);
        }
        self.is_cut.store(true, Ordering::Relaxed);
        if self.is_answer_lost {
            self.inner.send(request)?;
        }
        Err(dead)
    }
}

/// The changing requests are the beginning, three requests of secrets, and the commit.
#[test]
fn a_replacement_that_is_cut_anywhere_is_resumed_with_the_same_key() {
    let real = Real::new(Kind::Blocking);
    let ada = real.ada();
    // Both together exceed the vault's limit for a body.
    let large = "x".repeat(1_050_000);
    ada.create("a", &"x".repeat(600_000)).unwrap();
    ada.create("b", &large).unwrap();
    ada.create("db", "s3cr3t-v@lue").unwrap();
    let bobs = real.connect(&real.member("bob", READER), READER).unwrap();
    for is_answer_lost in [false, true] {
        for left in 0..5 {
            let client = real.through(move |inner| Cut::new(inner, left, is_answer_lost));
            let new = NewOrgKey::generate().unwrap();
            let before = real.ada().account().unwrap().key_epoch;
            let cut = client
                .organization()
                .rotate(&real.administrator(), &new, |_| {});
            assert!(cut.is_err(), "after {left}");
            let is_committed = left == 4 && is_answer_lost;
            let after = real.ada().account().unwrap().key_epoch;
            assert_eq!(after, before + u64::from(is_committed), "after {left}");
            assert_eq!(bobs.get("db").unwrap(), "s3cr3t-v@lue");
            assert_eq!(real.rotate(&new).key_epoch, before + 1, "after {left}");
            assert_eq!(bobs.get("db").unwrap(), "s3cr3t-v@lue");
            assert_eq!(real.ada().get("b").unwrap(), large);
        }
    }
}

#[test]
fn a_replacement_whose_future_is_dropped_is_resumed() {
    let real = Real::new(Kind::Async);
    real.ada().create("db", "s3cr3t-v@lue").unwrap();
    let bobs = real.connect(&real.member("bob", READER), READER).unwrap();
    let AnyClient::Async(ada) = real.ada() else {
        panic!("not asynchronous");
    };
    let new = NewOrgKey::generate().unwrap();
    let (own, mut drops) = (real.administrator(), 0);
    let rotated = loop {
        let time = Duration::from_millis(1 + 4 * drops);
        let organization = ada.organization();
        let rotate = organization.rotate(&own, &new, |_| {});
        let outcome = RUNTIME.block_on(async { tokio::time::timeout(time, rotate).await });
        assert_eq!(bobs.get("db").unwrap(), "s3cr3t-v@lue");
        match outcome {
            Ok(rotated) => break rotated.unwrap(),
            Err(_) => drops += 1,
        }
    };
    assert!(drops > 0, "it was never dropped");
    assert_eq!(rotated.key_epoch, 2);
    assert_eq!(bobs.fingerprint(), new.key.fingerprint());
}

/// Does something else before the first changing request to a path that ends like this.
struct Before {
    inner: Arc<dyn Transport>,
    end: &'static str,
    other: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Transport for Before {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        if request.method() != "GET" && request.uri().path().ends_with(self.end) {
            let other = self.other.lock().unwrap().take();
            if let Some(other) = other {
                other();
            }
        }
        self.inner.send(request)
    }
}

#[test]
fn what_others_change_before_the_commit_is_in_it() {
    type Other = fn(&Real, &AccountKeys);
    let changes: [Other; 3] = [
        |real, _| real.ada().create("new", "v@lue").unwrap(),
        |real, bob| {
            let bobs = real.connect(bob, WRITER).unwrap();
            bobs.put("db", "changed").unwrap();
        },
        |real, _| drop(real.invite("carol", READER)),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let real = Arc::new(Real::new(Kind::Blocking));
        real.ada().create("db", "s3cr3t-v@lue").unwrap();
        let bob = Arc::new(real.member("bob", WRITER));
        let new = NewOrgKey::generate().unwrap();
        let (of_real, of_bob) = (Arc::clone(&real), Arc::clone(&bob));
        let other = move || change(&of_real, &of_bob);
        let client = real.through(move |inner| Before {
            inner,
            end: "/commit",
            other: Mutex::new(Some(Box::new(other))),
        });
        let rotated = client
            .organization()
            .rotate(&real.administrator(), &new, |_| {});
        assert_eq!(rotated.unwrap().key_epoch, 2, "change {at}");
        let ada = real.ada();
        let db = if at == 1 { "changed" } else { "s3cr3t-v@lue" };
        assert_eq!(ada.get("db").unwrap(), db);
        assert_eq!(ada.get("new").is_ok(), at == 0);
        real.connect(&bob, READER).unwrap();
        assert_eq!(ada.invitations().unwrap().len(), usize::from(at == 2));
    }
}

/// Expects that a rotation is refused because of its key, and that another key is accepted.
fn needs_a_new_key(real: &Real, outcome: Result<Rotated, Error>, refused: &NewOrgKey) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, None));
    let text = error.to_string();
    assert!(text.contains("a member was disabled"), "{text}");
    let ada = real.ada();
    assert_eq!(ada.account().unwrap().key_epoch, 1);
    ada.abandon_rotation(refused.id).unwrap();
    assert_eq!(real.rotate(&NewOrgKey::generate().unwrap()).key_epoch, 2);
}

/// The refused request had the new key for Bob.
#[test]
fn a_member_who_is_disabled_before_the_commit_arrives_makes_its_key_useless() {
    let real = Arc::new(Real::new(Kind::Blocking));
    real.ada().create("db", "s3cr3t-v@lue").unwrap();
    let bob = real.member("bob", READER);
    let new = NewOrgKey::generate().unwrap();
    let of_real = Arc::clone(&real);
    let disable = move || {
        let own = of_real.administrator();
        of_real.ada().disable(&own, &bob.client_id).unwrap();
    };
    let client = real.through(move |inner| Before {
        inner,
        end: "/commit",
        other: Mutex::new(Some(Box::new(disable))),
    });
    let outcome = client
        .organization()
        .rotate(&real.administrator(), &new, |_| {});
    needs_a_new_key(&real, outcome, &new);
}

/// The first call was cut at the commit: the changing requests are the beginning, one of secrets, and the commit.
#[test]
fn a_member_who_is_disabled_after_an_interrupted_call_makes_its_key_useless() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        let bob = real.member("bob", READER);
        let mut new = NewOrgKey::generate().unwrap();
        let chain = ada.follow(&real.anchor).unwrap();
        new.made_at = Some(chain.head().sequence);
        let client = real.through(move |inner| Cut::new(inner, 2, false));
        let cut = client
            .organization()
            .rotate(&real.administrator(), &new, |_| {});
        assert!(cut.is_err());
        ada.disable(&real.administrator(), &bob.client_id).unwrap();
        let outcome = ada.rotate(&real.administrator(), &new, |_| {});
        needs_a_new_key(&real, outcome, &new);
    }
}

/// Updates a few secrets again and again until `is_over`. Returns the value that each was given last.
fn write_until(client: &AnyClient, writer: usize, is_over: &AtomicBool) -> Vec<(String, String)> {
    let keys: Vec<_> = (0..5).map(|it| format!("w{writer}_{it}")).collect();
    let mut written = vec![String::new(); keys.len()];
    for round in 0.. {
        let at = round % keys.len();
        client.put(&keys[at], &format!("v@lue {round}")).unwrap();
        written[at] = format!("v@lue {round}");
        if is_over.load(Ordering::Relaxed) && round > keys.len() {
            break;
        }
    }
    keys.into_iter().zip(written).collect()
}

#[test]
fn writers_that_never_pause_do_not_keep_a_rotation_from_its_end() {
    for kind in BOTH {
        let real = Real::new(kind);
        let bob = real.member("bob", WRITER);
        // One client, so that one call fetches the new key and the others find it.
        let (real, client) = (&real, &real.connect(&bob, WRITER).unwrap());
        let is_over = &AtomicBool::new(false);
        let written = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|writer| scope.spawn(move || write_until(client, writer, is_over)))
                .collect();
            for epoch in 2..5 {
                let new = NewOrgKey::generate().unwrap();
                let rotated = real.ada().rotate(&real.administrator(), &new, |_| {});
                if epoch == 4 || rotated.is_err() {
                    is_over.store(true, Ordering::Relaxed);
                }
                assert_eq!(rotated.unwrap().key_epoch, epoch);
            }
            let written = writers.into_iter().map(|it| it.join().unwrap());
            written.flatten().collect::<Vec<_>>()
        });
        for (key, value) in written {
            assert_eq!(real.ada().get(&key).unwrap(), value, "{key}");
        }
    }
}

/// Another administrator replaces the org key before the request arrives. It is made again, under the new key.
#[test]
fn a_confirmation_and_an_invitation_during_a_replacement_use_the_new_key() {
    for end in ["/members", "/invitations"] {
        let real = Arc::new(Real::new(Kind::Blocking));
        real.ada().create("db", "s3cr3t-v@lue").unwrap();
        let bob = other_keys(false);
        real.join(&real.invite("bob", READER), &bob).unwrap();
        let of_real = Arc::clone(&real);
        let other = move || {
            of_real.rotate(&NewOrgKey::generate().unwrap());
        };
        let client = real.through(move |inner| Before {
            inner,
            end,
            other: Mutex::new(Some(Box::new(other))),
        });
        let (organization, own) = (client.organization(), real.administrator());
        if end == "/members" {
            let shown = real.ada().shown("bob").unwrap();
            organization.confirm(&own, &shown).unwrap();
        } else {
            let carol = invitation("carol", READER);
            let code = organization.invite(&own, &carol).unwrap().code;
            real.join(&code, &other_keys(false)).unwrap();
            real.ada().confirm(&own, "carol").unwrap();
            real.ada().confirm(&own, "bob").unwrap();
        }
        assert_eq!(real.ada().account().unwrap().key_epoch, 2);
        let bobs = real.connect(&bob, READER).unwrap();
        assert_eq!(bobs.get("db").unwrap(), "s3cr3t-v@lue");
    }
}

/// Another administrator confirms the same request before that of Ada arrives.
#[test]
fn the_second_of_two_confirmations_reports_that_the_account_is_a_member() {
    let real = Arc::new(Real::new(Kind::Blocking));
    let bob = other_keys(false);
    real.join(&real.invite("bob", READER), &bob).unwrap();
    let of_real = Arc::clone(&real);
    let other = move || {
        let ada = of_real.ada();
        ada.confirm(&of_real.administrator(), "bob").unwrap();
    };
    let client = real.through(move |inner| Before {
        inner,
        end: "/members",
        other: Mutex::new(Some(Box::new(other))),
    });
    let shown = real.ada().shown("bob").unwrap();
    let second = client.organization().confirm(&real.administrator(), &shown);
    let error = second.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let text = error.to_string();
    assert!(
        text.contains("has confirmed this request meanwhile"),
        "{text}"
    );
    real.connect(&bob, READER).unwrap();
}

#[test]
fn a_rotation_is_abandoned_and_another_one_begins() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        assert_eq!(ada.rotation().unwrap(), None);
        let (first, second) = (
            NewOrgKey::generate().unwrap(),
            NewOrgKey::generate().unwrap(),
        );
        let client = real.through(|inner| Cut::new(inner, 1, false));
        let rotate = client
            .organization()
            .rotate(&real.administrator(), &first, |_| {});
        assert!(rotate.is_err());
        let begun = ada.rotation().unwrap().unwrap();
        assert_eq!((begun.id, begun.to_epoch), (first.id, 2));
        let other = ada.rotate(&real.administrator(), &second, |_| {});
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Conflict);
        ada.abandon_rotation(first.id).unwrap();
        assert_eq!(ada.rotation().unwrap(), None);
        assert_eq!(real.rotate(&second).key_epoch, 2);
        let gone = ada.abandon_rotation(first.id);
        assert!(gone.is_ok(), "it can be repeated");
        let unknown = ada.abandon_rotation("00000000000000ff".parse().unwrap());
        assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

/// Another call makes the new org key that of the client while a value under the old one is on its way.
#[test]
fn a_value_to_seal_again_is_read_again_after_a_replacement() {
    let real = Arc::new(Real::new(Kind::Blocking));
    let own: Arc<OnceLock<Client>> = Arc::default();
    let is_armed = Arc::new(AtomicBool::new(false));
    let (admin, other, armed) = (Arc::clone(&real), Arc::clone(&own), Arc::clone(&is_armed));
    let client = real.through(move |inner| {
        move |request: &Request<Vec<u8>>| {
            let answer = inner.send(request);
            let is_read =
                request.method() == "GET" && request.uri().path().ends_with("/secrets/db");
            if is_read && armed.swap(false, Ordering::SeqCst) {
                admin.rotate(&NewOrgKey::generate().unwrap());
                other.get().unwrap().secrets().get("other").unwrap();
            }
            answer
        }
    });
    assert!(own.set(client.clone()).is_ok());
    let secrets = client.secrets();
    secrets.create("other", "value", None).unwrap();
    secrets
        .create_fields("db", &[("user", "app"), ("pass", "word")], None)
        .unwrap();
    is_armed.store(true, Ordering::SeqCst);
    secrets
        .update_field("db", "user", "web", Expiry::Keep)
        .unwrap();
    is_armed.store(true, Ordering::SeqCst);
    secrets.copy("db", "copy").unwrap();
    for key in ["db", "copy"] {
        let user = secrets.get_field(key, "user").unwrap();
        assert_eq!(user.expose_secret(), "web", "{key}");
    }
}

#[test]
fn a_decision_about_an_org_key_knows_the_time_that_is_left() {
    let real = Real::new(Kind::Blocking);
    real.ada().create("db", "value").unwrap();
    let left: Arc<Mutex<Option<Duration>>> = Arc::default();
    let seen = Arc::clone(&left);
    let policy = OrgKeyRotation::ask(move |change| {
        *seen.lock().unwrap() = Some(change.time_left());
        true
    });
    let source = KeySource::pem(real.ada.private_key.to_pkcs8_pem().unwrap().as_bytes());
    let client = Client::builder(real.vault.base_url(), real.ada.credentials(), source)
        .org_key_rotation(policy)
        .connect()
        .unwrap();
    real.rotate(&NewOrgKey::generate().unwrap());
    let limit = Duration::from_secs(20);
    let secrets = client.secrets().with(CallOptions::new().timeout(limit));
    assert_eq!(secrets.get("db").unwrap().expose_secret(), "value");
    let left = left.lock().unwrap().unwrap();
    assert!(left < limit && left > Duration::from_secs(1), "{left:?}");
}
