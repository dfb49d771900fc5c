//! «A chunked answer with trailers, or a line of framing, without end.»

use helvetisafe::ErrorKind;
use helvetisafe_server::faults::{Fault, Requests};
use helvetisafe_test_support::ClientKind;

use crate::clients::{Clients, fails};
use crate::world::World;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

/// Far more than the allowed framing of any body.
const FLOOD: usize = 8 << 20;

const LIST: &str = "{\"keys\":[]}";

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

fn flooded(before: &str, again: &str, end: &str) -> String {
    let flood = again.repeat(FLOOD / again.len());
    format!("{HEAD}{}{before}{flood}{end}", chunk(LIST))
}

#[test]
fn an_answer_of_mostly_framing_is_refused() {
    let world = World::new();
    let clients = Clients::new(&world);
    for (what, answer) in [
        ("trailers", flooded("0\r\n", "X-a: b\r\n", "\r\n")),
        ("one trailer", flooded("0\r\nX-a: ", "b", "\r\n\r\n")),
        ("an extension", flooded("1;", "a", "\r\n \r\n0\r\n\r\n")),
        (
            "the size of a chunk",
            flooded("", "0", "1\r\n \r\n0\r\n\r\n"),
        ),
    ] {
        world.faults.clear();
        world.faults.on(Requests::any()).then(Fault::raw(answer));
        let before = world.faults.count(Requests::any());
        for error in fails(|| clients.list()) {
            assert_eq!(error.kind(), ErrorKind::Api, "{what}: {error}");
        }
        for error in fails(|| clients.delete()) {
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{what}: {error}");
        }
        let requests = world.faults.count(Requests::any()) - before;
        let clients = ClientKind::ALL.len();
        assert_eq!(requests, 2 * clients, "{what}: none was sent again");
    }
}

#[test]
fn small_chunks_and_a_few_trailers_are_read() {
    let world = World::new();
    let clients = Clients::new(&world);
    let padded = format!("{LIST}{}", " ".repeat(300_000));
    let bytes: String = padded
        .chars()
        .map(|c| chunk(c.encode_utf8(&mut [0; 4])))
        .collect();
    for chunks in [bytes, chunk(&padded)] {
        world.faults.clear();
        let answer = format!("{HEAD}{chunks}0\r\nX-a: b\r\nX-c: d\r\n\r\n");
        world.faults.on(Requests::any()).then(Fault::raw(answer));
        for outcome in clients.list() {
            assert_eq!(outcome.unwrap(), 0);
        }
    }
}
