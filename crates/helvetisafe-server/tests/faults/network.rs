//! Faults of the network.

use std::io::{ErrorKind, Read};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use helvetisafe_server::faults::{Fault, Handled, Requests, Route, Seen, StatusCode, Verb};

use crate::support::{End, Raw, Site, TIMEOUT, site};

fn vault_did(site: &Site) -> Vec<Handled> {
    site.faults.log().iter().map(|seen| seen.vault).collect()
}

#[test]
fn a_fault_before_acting_prevents_the_write_and_one_after_does_not() {
    let done = Handled::Answered(StatusCode::CREATED);
    for (fault, name, end, vault) in [
        (
            Fault::reset_before_acting(),
            "reset before acting",
            End::Reset,
            Handled::Never,
        ),
        (
            Fault::close_before_acting(),
            "close before acting",
            End::Closed,
            Handled::Never,
        ),
        (
            Fault::reset_after_acting(),
            "reset after acting",
            End::Reset,
            done,
        ),
        (
            Fault::close_after_acting(),
            "close after acting",
            End::Closed,
            done,
        ),
    ] {
        let site = site();
        site.faults.on(Route::Create).once().then(fault);
        let Raw { bytes, end: seen } = site.create("a");
        assert_eq!((bytes.len(), seen), (0, end), "{name}");
        let has_acted = vault == done;
        assert_eq!(
            site.stored(),
            if has_acted { vec!["a"] } else { vec![] },
            "{name}"
        );
        let log = site.faults.log();
        assert_eq!(log[0].fault.as_deref(), Some(name));
        assert_eq!((log[0].vault, log.len()), (vault, 1), "{name}");
        assert_eq!(site.faults.writes().len(), usize::from(has_acted), "{name}");
        assert_eq!(site.create("b").status(), 201, "once is once");
    }
}

#[test]
fn an_answer_can_be_cut_at_every_byte() {
    let site = site();
    site.create("a");
    let whole = site.read("a").bytes;
    for at in 0..=whole.len() {
        site.faults
            .on(Route::Read)
            .once()
            .then(Fault::truncate_at(at));
        let cut = site.read("a");
        // The `Date` header may differ.
        assert_eq!(cut.bytes.len(), at);
        let end = if at == whole.len() {
            End::Open
        } else {
            End::Closed
        };
        assert_eq!(cut.end, end, "{at}");
    }
    site.faults
        .on(Route::Read)
        .once()
        .then(Fault::truncate_at(whole.len() + 1));
    let mut wire = site.wire();
    for _ in 0..2 {
        wire.send(&site.request("GET", "/api/v1/secrets/a", None));
        assert_eq!(
            wire.receive().end,
            End::Open,
            "a cut beyond the end is none"
        );
    }
}

#[test]
fn a_cut_after_the_last_byte_closes_the_connection() {
    let site = site();
    site.create("a");
    let length = site.read("a").bytes.len();
    site.faults.on(Route::Read).then(Fault::truncate_at(length));
    let mut wire = site.wire();
    wire.send(&site.request("GET", "/api/v1/secrets/a", None));
    assert_eq!(wire.receive().end, End::Open);
    let after = wire.receive();
    assert_eq!((after.bytes.len(), after.end), (0, End::Closed));
}

#[test]
fn a_reset_can_happen_in_the_middle_of_an_answer() {
    let site = site();
    site.create("a");
    site.faults.on(Route::Read).then(Fault::reset_at(20));
    let cut = site.read("a");
    assert_eq!(cut.end, End::Reset);
    assert!(cut.bytes.len() <= 20, "{cut:?}");
}

#[test]
fn after_a_stall_the_vault_acts_even_without_a_client() {
    let site = site();
    let stall = Fault::stall_before_acting(Duration::from_secs(2));
    site.faults.on(Route::Create).once().then(stall);
    let mut wire = site.wire();
    wire.send(&site.request(
        "POST",
        "/api/v1/secrets",
        Some(&crate::support::secret("late")),
    ));
    assert!(site.faults.wait_until(TIMEOUT, |log| !log.is_empty()));
    assert_eq!(vault_did(&site), [Handled::InProgress]);
    assert!(site.stored().is_empty());
    drop(wire);
    let acted = |log: &[Seen]| log.iter().any(Seen::took_effect);
    assert!(site.faults.wait_until(TIMEOUT, acted));
    assert_eq!(site.stored(), ["late"]);
}

#[test]
fn a_stall_delays_the_answer_or_its_remainder() {
    let site = site();
    site.create("a");
    let time = Duration::from_millis(200);
    for fault in [
        Fault::stall_before_acting(time),
        Fault::stall_after_acting(time),
        Fault::stall_at(50, time),
    ] {
        site.faults.on(Route::Read).once().then(fault.clone());
        let begin = Instant::now();
        let answer = site.read("a");
        assert!(begin.elapsed() >= time, "{fault:?}");
        assert_eq!((answer.status(), answer.end), (200, End::Open), "{fault:?}");
        assert_eq!(answer.json()["key"], "a");
    }
}

#[test]
fn a_stall_in_the_middle_delivers_exactly_the_bytes_before_it() {
    let site = site();
    site.create("a");
    let forever = Duration::from_secs(3600);
    site.faults
        .on(Verb::Read.of("a"))
        .then(Fault::stall_at(50, forever));
    let mut wire = site.wire();
    wire.send(&site.request("GET", "/api/v1/secrets/a", None));
    wire.0.read_exact(&mut [0; 50]).unwrap();
    let soon = Some(Duration::from_millis(200));
    wire.0.set_read_timeout(soon).unwrap();
    let more = wire.0.read(&mut [0; 1]).map_err(|error| error.kind());
    assert!(
        matches!(more, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        "{more:?}"
    );
    assert_eq!(
        vault_did(&site).last(),
        Some(&Handled::Answered(StatusCode::OK))
    );
}

#[test]
fn a_drip_arrives_piece_by_piece() {
    let site = site();
    site.create("a");
    let length = site.read("a").bytes.len();
    let pause = Duration::from_millis(5);
    site.faults
        .on(Route::Read)
        .then(Fault::drip(NonZeroUsize::new(10).unwrap(), pause));
    let begin = Instant::now();
    let answer = site.read("a");
    assert_eq!(
        (answer.json()["key"].as_str(), answer.end),
        (Some("a"), End::Open)
    );
    let pauses = u32::try_from(length / 10 - 1).unwrap();
    assert!(begin.elapsed() >= pause * pauses);
}

#[test]
fn a_connection_that_a_fault_leaves_open_serves_more_requests() {
    let site = site();
    let mut wire = site.wire();
    let busy = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
    site.faults.on(Requests::any()).once().then(busy);
    for status in [503, 200] {
        wire.send(&site.request("GET", "/api/v1/secrets", None));
        assert_eq!(wire.receive().status(), status);
    }
    let connections: Vec<_> = site
        .faults
        .log()
        .iter()
        .map(|seen: &Seen| seen.connection)
        .collect();
    assert_eq!(connections, [0, 0]);
}
