//! No secret is left in the memory of a process that dropped its client.
//!
//! A subject uses the client against a real vault in this process. Its memory is searched twice:
//! while it holds everything, where all has to be found, since a search that finds nothing proves
//! nothing; and after it has dropped everything.
//!
//! There are two subjects, each with the blocking client or the asynchronous one, which goes with its
//! runtime. `memory-subject-wiping-heap` has the allocator of the command, and nothing may be left of it.
//! `memory-subject` has the usual one, and nothing may be left but what `SECURITY.md` names: numbers that
//! `rsa` frees without wiping, and over TLS the buffers of rustls.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod tls;

use std::collections::BTreeSet;
use std::env;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use helvetisafe_crypto::Payload;
use helvetisafe_memory_subject::{self as memory, Job, Region, Stop, Subject};
use helvetisafe_server::faults::{Fault, Faults, Route};
use helvetisafe_server::{NewAccount, Vault, VaultBuilder};
use helvetisafe_test_support::Search;
use helvetisafe_tests::proxy::RecordingProxy;
use helvetisafe_tests::{By, Combination, Member, With, World, raw, test_key};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

const USUAL_HEAP: &str = "memory-subject";
const WIPING_HEAP: &str = "memory-subject-wiping-heap";

/// The file of a subject: as cargo built it for this test, or in the folder that the environment names,
/// where the gate puts subjects of other optimization levels.
fn file_of(name: &str) -> PathBuf {
    match env::var_os("HELVETISAFE_MEMORY_SUBJECTS") {
        Some(folder) => Path::new(&folder).join(name),
        None => Path::new(env!("CARGO_BIN_EXE_memory-subject")).with_file_name(name),
    }
}

/// The two clients.
const CLIENTS: [&str; 2] = ["blocking", "async"];

const PASSWORD: &str = "canary-password-thoh4Xai9oghoo3Aewa2neiS6rie1phoochee8iSh5ei";
const READ: &str = "canary-read-IeSh7xohtee9ahB2aeJ4Bo0uQuai6aeveiGh1Ohphieth3Ee";
const ESCAPED: &str = "canary-escaped-\"Quo8aiV2ohdae6ahYeeng7sh\nahR5ohw1ooKoh3oPh9aebai2ie";
const FIELD: &str = "canary-field-Ohs5peiqu2ut4eiR7ahze6eeP8iephaeth9Vahm1aiK3oogh";
const WRITTEN: &str = "canary-written-ahY8shoo4ingiePh1eeg9eir4Ou6weiJOoqu3zae8Soh5ai";
const WRONG: &str = "canary-wrong-eiJ9ohzei5Aephai4Ahngoh1Ahng7aibohch0ahgoo2Aiy";

/// The remains of `rsa` in freed memory: a prime as the modulus of Montgomery arithmetic.
const LEFT_BY_RSA: [&str; 2] = ["p of the private key", "q of the private key"];
/// The remains with TLS: also the decrypted answer with the access token in rustls's buffers.
const LEFT_BY_TLS: [&str; 3] = [LEFT_BY_RSA[0], LEFT_BY_RSA[1], "an access token"];

/// With an access token, and without the work of unlocking a key.
const TOKEN_AND_PEM: Combination = Combination(By::ServiceAccount, With::PemBytes);

/// A vault with a member, secrets of every kind, and the recorded traffic.
struct Scene {
    world: World,
    member: Member,
    proxy: RecordingProxy,
}

fn scene() -> Scene {
    scene_of(Vault::builder())
}

fn scene_of(vault: VaultBuilder) -> Scene {
    let world = World::of(vault);
    let account = NewAccount::default()
        .private_key(test_key())
        .password(PASSWORD);
    let member = Member::new(&world.vault, &world.organization, account);
    let proxy = RecordingProxy::start(world.vault.address());
    let (client, url) = (world.client(), world.vault.base_url());
    client.secrets().create("read", READ, None).unwrap();
    client.secrets().create("escaped", ESCAPED, None).unwrap();
    raw::create(
        url,
        &member,
        "fields",
        &Payload::encode_fields(&[("user", FIELD), ("n", FIELD)]),
    );
    // Sealed under an unknown key.
    let stranger = helvetisafe_crypto::OrgKey::generate().unwrap();
    raw::create_sealed(url, &member, "broken", &stranger.seal(b"x").unwrap());
    Scene {
        world,
        member,
        proxy,
    }
}

fn bytes(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

fn job(scene: &Scene, client: &str, Combination(by, with): Combination) -> Job {
    let account = &scene.member.account;
    let (client_id, credential) = match by {
        By::ServiceAccount => (account.client_id.as_str(), &account.client_secret),
        By::ApiToken => ("", &scene.member.api_token),
    };
    let (key_source, key) = match with {
        With::Password => ("password", PASSWORD),
        With::PemBytes => ("pem", account.private_key_pem.as_str()),
        With::PemFile => ("pem-file", scene.member.pem_path().to_str().unwrap()),
    };
    Job {
        base_url: bytes(&scene.proxy.base_url()),
        client_id: bytes(client_id),
        credential: bytes(credential.expose_secret()),
        key_source: bytes(key_source),
        key: bytes(key),
        new_name: bytes("written"),
        new_value: bytes(WRITTEN),
        names: bytes("read escaped fields broken missing"),
        threads: bytes("0"),
        client: bytes(client),
        ..Job::default()
    }
}

/// Everything that must not be left.
fn secrets_of(scene: &Scene) -> Search {
    let account = &scene.member.account;
    let org_key = raw::org_key(scene.world.vault.base_url(), &scene.member);
    let search = Search::default()
        .with("the password", PASSWORD.as_bytes())
        .with("the wrong credential", WRONG.as_bytes())
        .with("the value that was read", READ.as_bytes())
        .with("the value with escapes", ESCAPED.as_bytes())
        .with("the field", FIELD.as_bytes())
        .with("the value that was written", WRITTEN.as_bytes())
        .with("the org key", org_key.expose_secret())
        .with(
            "the client secret",
            random_part(account.client_secret.expose_secret()),
        )
        .with(
            "the API token",
            random_part(scene.member.api_token.expose_secret()),
        );
    let tokens = access_tokens(&scene.proxy);
    let search = tokens.iter().fold(search, |search, token| {
        search.with("an access token", random_part(token))
    });
    let jwk = include_str!("../../../../crates/helvetisafe-crypto/tests/data/rsa-2048.jwk.json");
    let jwk: serde_json::Value = serde_json::from_str(jwk).unwrap();
    ["d", "p", "q", "dp", "dq", "qi"]
        .into_iter()
        .fold(search, |search, name| {
            let number = BASE64_URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap());
            search.with(&format!("{name} of the private key"), &number.unwrap())
        })
}

/// A credential without the common prefix of its kind.
fn random_part(credential: &str) -> &[u8] {
    &credential.as_bytes()[credential.len() - 43..]
}

/// The access tokens that passed the proxy.
fn access_tokens(proxy: &RecordingProxy) -> Vec<String> {
    let connections = proxy.connections();
    let tokens = |connection: &helvetisafe_tests::proxy::Connection| {
        let text = String::from_utf8_lossy(&connection.from_vault).into_owned();
        let answers = text.split(r#""access_token":""#).skip(1);
        answers
            .map(|rest| rest[..rest.find('"').unwrap()].to_owned())
            .collect::<Vec<_>>()
    };
    connections.iter().flat_map(tokens).collect()
}

/// The memory of a subject. It fails without the right to read it, which must not count as clean.
fn memory_of(subject: &Subject) -> Vec<Region> {
    memory::by_proc(subject.pid()).unwrap_or_else(|error| {
        panic!(
            "this test needs to read its child's memory in /proc, which a container or the setting \
             kernel.yama.ptrace_scope (2 or 3) can forbid: {error}"
        )
    })
}

fn found(search: &Search, memory: &[Region]) -> BTreeSet<String> {
    let found = memory.iter().flat_map(|region| {
        let found = search.find(&region.bytes).into_iter();
        found.map(|what| format!("{what}, in {}", region.name))
    });
    found.collect()
}

/// Runs a subject to its end, and searches it twice: `alive` has to be found before everything is
/// dropped, and only `left` may be found after. Returns the reported outcomes.
fn examine(scene: &Scene, mut subject: Subject, alive: &[&str], left: &[&str]) -> Vec<String> {
    let said = subject.wait_for(Stop::Alive);
    let search = secrets_of(scene);
    examine_for(&search, subject, alive, left);
    said
}

fn examine_for(search: &Search, mut subject: Subject, alive: &[&str], left: &[&str]) {
    let held = found(search, &memory_of(&subject));
    for what in alive {
        assert!(
            held.iter().any(|it| it.starts_with(what)),
            "{what} is not found: {held:#?}"
        );
    }
    subject.go_on();
    subject.wait_for(Stop::Dropped);
    let mut remains = found(search, &memory_of(&subject));
    remains.retain(|it| !left.iter().any(|known| it.starts_with(known)));
    assert!(remains.is_empty(), "left in memory: {remains:#?}");
}

/// Starts a subject, and revokes its access token after it has connected, so that it meets a 401.
fn start(scene: &Scene, program: &str, mut job: Job) -> Subject {
    let mut subject = Subject::start(&file_of(program), &mut job);
    assert_eq!(subject.wait_for(Stop::Connected), ["connect: ok"]);
    scene
        .world
        .vault
        .revoke_tokens(&scene.member.account)
        .unwrap();
    subject.go_on();
    subject
}

const HELD: [&str; 9] = [
    "the org key, as it is",
    "p of the private key, reversed",
    "q of the private key, reversed",
    "d of the private key, reversed",
    "dp of the private key, reversed",
    "the value that was read, as it is",
    "the value that was written, as it is",
    "the value with escapes, as it is",
    "the field, as it is",
];

/// Both clients in both programs, with the allowed remains: none where the heap wipes.
fn subjects<'a>(
    usual: &'a [&'a str],
) -> impl Iterator<Item = (&'static str, &'static str, &'a [&'a str])> {
    CLIENTS
        .into_iter()
        .flat_map(move |client| [(client, WIPING_HEAP, &[][..]), (client, USUAL_HEAP, usual)])
}

fn used(said: &[String], name: &str) {
    let did = |line: &str| assert!(said.iter().any(|it| it == line), "{line}: {said:?}");
    did(&format!("get {name}: ok"));
    for line in [
        "create: ok",
        "update: ok",
        "get read: ok",
        "get escaped: ok",
        "get fields: ok",
    ] {
        did(line);
    }
    did("get broken: Crypto");
    did("get missing: NotFound");
}

fn after_everything(program: &str, client: &str, left: &[&str]) {
    for (by, with, held) in [
        (
            By::ServiceAccount,
            With::Password,
            ["the client secret", "the password, as it is"],
        ),
        (
            By::ApiToken,
            With::PemBytes,
            ["the API token", "q of the private key, in base64"],
        ),
        (
            By::ServiceAccount,
            With::PemFile,
            ["the client secret", "an access token"],
        ),
    ] {
        let scene = scene();
        let subject = start(&scene, program, job(&scene, client, Combination(by, with)));
        let said = examine(&scene, subject, &[&HELD[..], &held].concat(), left);
        used(&said, "written");
        let has_tokens = by == By::ServiceAccount;
        let refused = scene.proxy.answers(401);
        assert_eq!(refused, usize::from(has_tokens), "the revoked token");
        assert_eq!(said.iter().any(|it| it == "resume: ok"), has_tokens);
        let fetched = access_tokens(&scene.proxy).len();
        assert_eq!(fetched, 2 * usize::from(has_tokens), "none to resume");
    }
}

#[test]
fn with_a_wiping_heap_nothing_is_left() {
    for client in CLIENTS {
        after_everything(WIPING_HEAP, client, &[]);
    }
}

#[test]
fn with_the_usual_heap_nothing_is_left_but_what_rsa_frees() {
    for client in CLIENTS {
        after_everything(USUAL_HEAP, client, &LEFT_BY_RSA);
    }
}

#[test]
fn nothing_is_left_of_threads_that_have_ended() {
    for (client, program, left) in subjects(&LEFT_BY_RSA) {
        let scene = scene();
        let mut job = job(
            &scene,
            client,
            Combination(By::ServiceAccount, With::Password),
        );
        job.threads = bytes("4");
        let subject = start(&scene, program, job);
        used(&examine(&scene, subject, &HELD, left), "written_3");
    }
}

#[test]
fn nothing_is_left_of_an_attempt_that_failed() {
    let usual = Combination(By::ServiceAccount, With::Password);
    type Spoil = fn(&mut Job);
    let failures: [(Spoil, &str); 3] = [
        (|job| job.key = bytes(WRONG), "connect: Crypto"),
        (|job| job.credential = bytes(WRONG), "connect: Auth"),
        (
            |job| {
                let another = include_str!(
                    "../../../../crates/helvetisafe-crypto/tests/data/rsa-3072-pkcs8.pem"
                );
                (job.key_source, job.key) = (bytes("pem"), bytes(another));
                job.passphrase = bytes(WRONG);
            },
            "connect: Crypto",
        ),
    ];
    for (spoil, outcome) in failures {
        for (client, program, left) in subjects(&LEFT_BY_RSA) {
            let scene = scene();
            let mut job = job(&scene, client, usual);
            spoil(&mut job);
            let mut subject = Subject::start(&file_of(program), &mut job);
            assert_eq!(subject.wait_for(Stop::Connected), [outcome]);
            subject.go_on();
            examine(&scene, subject, &["the wrong credential, as it is"], left);
        }
    }
}

#[test]
fn nothing_is_left_of_an_answer_in_pieces() {
    for client in CLIENTS {
        let (scene, faults) = scene_with_faults();
        let job = job(&scene, client, TOKEN_AND_PEM);
        let piece = NonZeroUsize::new(100).unwrap();
        let drip = Fault::drip(piece, Duration::from_millis(2));
        faults.on(Route::Token).then(drip);
        let subject = start(&scene, USUAL_HEAP, job);
        used(&examine(&scene, subject, &HELD, &LEFT_BY_RSA), "written");
    }
}

#[test]
fn nothing_is_left_of_an_interrupted_answer() {
    let cut = after_the_token();
    for client in CLIENTS {
        let (scene, faults) = scene_with_faults();
        let mut job = job(&scene, client, TOKEN_AND_PEM);
        faults.on(Route::Token).then(Fault::truncate_at(cut));
        let mut subject = Subject::start(&file_of(USUAL_HEAP), &mut job);
        assert_eq!(subject.wait_for(Stop::Connected), ["connect: Transport"]);
        subject.go_on();
        examine(
            &scene,
            subject,
            &["the client secret, as it is"],
            &LEFT_BY_RSA,
        );
    }
}

fn scene_with_faults() -> (Scene, Faults) {
    let faults = Faults::new();
    let scene = scene_of(Vault::builder().faults(faults.clone()));
    (scene, faults)
}

/// The number of bytes of a token answer, head included, up to the end of the token.
fn after_the_token() -> usize {
    let scene = scene();
    scene.member.client(&scene.proxy.base_url());
    let answers = &scene.proxy.connections()[0].from_vault;
    let token = access_tokens(&scene.proxy).remove(0);
    let mut places = answers.windows(token.len());
    let place = places.position(|window| window == token.as_bytes());
    place.unwrap() + token.len() + 1
}

#[test]
fn nothing_is_left_of_a_large_value() {
    for (client, size) in CLIENTS
        .into_iter()
        .flat_map(|client| [(client, 64 << 10), (client, 1 << 20)])
    {
        let scene = scene();
        let [read, written] = [3_u8, 5].map(|seed| large(size, seed));
        scene
            .world
            .client()
            .secrets()
            .create("large", &read, None)
            .unwrap();
        let mut job = job(
            &scene,
            client,
            Combination(By::ServiceAccount, With::PemBytes),
        );
        (job.names, job.new_value) = (bytes("large"), bytes(&written));
        let mut subject = start(&scene, USUAL_HEAP, job);
        let said = subject.wait_for(Stop::Alive);
        assert!(said.iter().any(|it| it == "get large: ok"), "{said:?}");
        // A part of each at its beginning, in its middle and at its end.
        let search = [0, size / 2, size - 64]
            .into_iter()
            .fold(Search::default(), |search, at| {
                search
                    .with(
                        "the large value that was read",
                        &read.as_bytes()[at..at + 64],
                    )
                    .with(
                        "the large value that was written",
                        &written.as_bytes()[at..at + 64],
                    )
            });
        let held = [
            "the large value that was read",
            "the large value that was written",
        ];
        examine_for(&search, subject, &held, &[]);
    }
}

/// Random-looking text without repetition.
fn large(size: usize, seed: u8) -> String {
    use sha2::{Digest, Sha256};
    let blocks = 0_u32..(size as u32).div_ceil(32);
    let hash = |number: u32| {
        Sha256::new()
            .chain_update([seed])
            .chain_update(number.to_be_bytes())
    };
    let bytes: Vec<u8> = blocks.flat_map(|number| hash(number).finalize()).collect();
    let mut text = BASE64_STANDARD.encode(bytes);
    text.truncate(size);
    text
}

#[test]
fn over_tls_only_rustls_keeps_the_access_token() {
    for (client, program, left) in subjects(&LEFT_BY_TLS) {
        let scene = scene();
        let proxy = scene.proxy.base_url();
        let proxy = proxy.strip_prefix("http://").unwrap().parse().unwrap();
        let (url, authority) = tls::in_front_of(proxy);
        let mut job = job(
            &scene,
            client,
            Combination(By::ServiceAccount, With::Password),
        );
        (job.base_url, job.authority) = (bytes(&url), bytes(&authority));
        let subject = start(&scene, program, job);
        used(&examine(&scene, subject, &HELD, left), "written");
    }
}

/// A debugger dumps the same memory that the tests above read in `/proc`. Without gdb the test prints so
/// and passes.
#[test]
fn a_core_dump_shows_the_same() {
    let scene = scene();
    let mut subject = start(
        &scene,
        WIPING_HEAP,
        job(
            &scene,
            "blocking",
            Combination(By::ServiceAccount, With::Password),
        ),
    );
    subject.wait_for(Stop::Alive);
    let search = secrets_of(&scene);
    let Some(core) = memory::by_gcore(subject.pid()).unwrap() else {
        eprintln!("no gcore here: the core dump was not looked at");
        return;
    };
    let held = found(&search, &[core]);
    for what in HELD {
        assert!(
            held.iter().any(|it| it.starts_with(what)),
            "{what} is not found: {held:#?}"
        );
    }
    subject.go_on();
    subject.wait_for(Stop::Dropped);
    let core = memory::by_gcore(subject.pid()).unwrap().unwrap();
    assert_eq!(found(&search, &[core]), BTreeSet::new());
}
