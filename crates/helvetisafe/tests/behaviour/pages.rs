//! Lists in pages, from a vault that announces them.

use helvetisafe::{BodyLimits, Client, ErrorKind, KeySource};
use helvetisafe_test_support::server::{End, Reply, serve};
use helvetisafe_test_support::{Action, PEM, Request, SECRETS, World, credentials};
use serde_json::json;

const ANNOUNCED: &str = "helvetisafe-paging: 1\r\n";

/// An answer with these names.
fn page(keys: &[String], has_more: bool) -> Action {
    let keys: Vec<_> = keys.iter().map(|key| json!({ "key": key })).collect();
    let body = json!({ "keys": keys, "has_more": has_more }).to_string();
    Action::Answer(200, ANNOUNCED, body.into_bytes())
}

/// A world whose vault announces pages, and answers each request for one with `answer`, which gets `after`.
fn world(answer: impl Fn(Option<&str>) -> Action + Send + Sync + 'static) -> World {
    World::new(move |seen: &Request, _| {
        let query = seen.path.strip_prefix(SECRETS)?;
        match query.strip_prefix("?limit=10000") {
            Some(rest) => Some(answer(rest.strip_prefix("&after="))),
            None => unreachable!("the vault has announced pages"),
        }
    })
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A vault without pages may refuse the query.
#[test]
fn another_vault_is_asked_for_the_whole_list() {
    let world = World::new(|_, _| None);
    let (vault, line) = (world.vault.address(), ANNOUNCED.as_bytes());
    let address = serve(move |request| {
        let answer = request.forward(vault);
        let at = answer.windows(line.len()).position(|window| window == line);
        let at = at.expect("an announcement");
        assert!(!request.path.contains('?'), "{}", request.path);
        Reply::new(
            [&answer[..at], &answer[at + line.len()..]].concat(),
            End::KeepOpen,
        )
    });
    let url = format!("http://{address}");
    let client = Client::builder(url, credentials(&world.account), KeySource::pem(PEM));
    let client = client.connect().unwrap();
    client.secrets().create("a", "1", None).unwrap();
    assert_eq!(client.secrets().list().unwrap().len(), 1);
}

#[test]
fn a_list_takes_as_many_pages_as_it_needs() {
    let world = world(|after| match after {
        None => page(&names(&["a", "b"]), true),
        Some("b") => page(&names(&["c"]), true),
        Some("c") => page(&names(&["d"]), false),
        Some(other) => unreachable!("after={other}"),
    });
    let client = world.client();
    let listed = client.secrets().list().unwrap();
    let listed: Vec<_> = listed.iter().map(|one| one.key().to_string()).collect();
    assert_eq!(listed, ["a", "b", "c", "d"]);
}

#[test]
fn a_ticket_knows_that_there_are_pages() {
    let world = world(|_| page(&names(&["a"]), false));
    let client = world.client();
    client.secrets().list().unwrap();
    let ticket = client.resumption_ticket().unwrap().unwrap();
    let next = world.builder().resume(ticket).connect().unwrap();
    assert_eq!(next.secrets().list().unwrap().len(), 1);
}

#[test]
fn a_vault_cannot_repeat_a_page() {
    let world = world(|_| page(&names(&["a", "b"]), true));
    let client = world.client();
    let error = client.secrets().list().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(error.to_string().contains("do not follow"), "{error}");
}

#[test]
fn an_endless_list_ends_at_the_limit() {
    let world = world(|after| {
        let begin: u64 = after.map_or(0, |after| after[1..].parse::<u64>().unwrap() + 1);
        let keys: Vec<_> = (begin..begin + 100)
            .map(|at| format!("k{at:020}"))
            .collect();
        page(&keys, true)
    });
    let list = 32 << 10;
    let limits = BodyLimits {
        list,
        ..BodyLimits::default()
    };
    let client = world.builder().body_limits(limits).connect().unwrap();
    let error = client.secrets().list().unwrap_err();
    assert!(error.to_string().contains("larger than allowed"), "{error}");
    let pages = world.proxy.log().len();
    assert!(pages < 40, "{pages}");
}
