//! One exchange of each call with a real vault is recorded. Then the connection ends after every byte of
//! the answer: closed, reset, or silent. Each time the call has to end in time with the right error,
//! never with a part of a value. An answer in two pieces, cut anywhere, is accepted. Both clients are
//! tested.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod call;
mod framing;
mod recording;

use std::fmt;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe::{Error, ErrorKind};
use helvetisafe_test_support::ClientKind;
use helvetisafe_test_support::server::{End, Reply};

use call::{Call, Client, Found};
use framing::{Framed, Framing};
use recording::Recording;

/// The early end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Close,
    Reset,
    Stall,
}

/// The expected outcome of a call.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The exact answer of the vault.
    Whole,
    Failed {
        kind: ErrorKind,
        is_retryable: bool,
    },
}

/// One call of one client, cut after each of some bytes.
struct Group {
    kind: ClientKind,
    call: Call,
    framing: Framing,
    fault: Fault,
    found: Found,
    cuts: Vec<usize>,
}

/// The longest time of a call. It is far above the timeouts, since the machine may be busy, and far
/// below a hang.
const HANG: Duration = Duration::from_secs(30);
/// A timeout that only a silent server reaches.
const PATIENT: Duration = Duration::from_secs(8);

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            call,
            framing,
            fault,
            found,
            ..
        } = self;
        write!(f, "{kind:?}, {call:?}, {framing:?}, {fault:?}, {found:?}")
    }
}

#[test]
fn an_answer_that_ends_early_is_never_accepted() {
    let recording = Recording::of_a_vault();
    run(&groups(&recording), |group| cut_off(&recording, group));
}

fn groups(recording: &Recording) -> Vec<Group> {
    let mut groups = Vec::new();
    for &kind in ClientKind::ALL {
        for call in Call::ALL {
            for framing in Framing::ALL {
                for fault in [Fault::Stall, Fault::Close, Fault::Reset] {
                    let framed = framing.apply(recording.answer(call));
                    // Silences pass concurrently; everything else is fast.
                    let size = if fault == Fault::Stall { 60 } else { 1000 };
                    for &found in found(call, framing) {
                        let cuts = cuts(call, framing, &framed);
                        groups.extend(cuts.chunks(size).map(|cuts| Group {
                            kind,
                            call,
                            framing,
                            fault,
                            found,
                            cuts: cuts.to_vec(),
                        }));
                    }
                }
            }
        }
    }
    // The stalled ones go first, so that they wait while the others work.
    groups.sort_by_key(|group| group.fault != Fault::Stall);
    groups
}

/// The results of a read-back, which decides the outcome of a create.
fn found(call: Call, framing: Framing) -> &'static [Found] {
    match (call, framing) {
        (Call::Create, Framing::Length) => Found::ALL,
        _ => &[Found::Own],
    }
}

/// After every byte in the usual framing, and in the others after every fourth. The long answer with the locked private key is
/// cut after every eighth, and every 32nd. Near the end of a head, a chunk or a body, it is after every byte in all, and with the
/// variable everywhere.
fn cuts(call: Call, framing: Framing, framed: &Framed) -> Vec<usize> {
    let length = framed.bytes.len();
    let step = match (framing, call) {
        _ if std::env::var_os("HELVETISAFE_TEST_EVERY_BYTE").is_some() => 1,
        (Framing::Length, Call::PrivateKey) => 8,
        (Framing::Length, _) => 1,
        (_, Call::PrivateKey) => 32,
        _ => 4,
    };
    let is_near = |cut: usize| {
        let mut ends = [framed.head, usize::midpoint(framed.head, length), length].into_iter();
        ends.any(|end| cut.abs_diff(end) <= 16)
    };
    let is_cut = |cut: &usize| is_near(*cut) || cut.is_multiple_of(step);
    (0..length).filter(is_cut).collect()
}

fn cut_off(recording: &Recording, group: &Group) {
    let framed = group.framing.apply(recording.answer(group.call));
    let silence = match (group.fault, group.call) {
        // Enough time for the read-back, and for the secret that does not open.
        (Fault::Stall, Call::Create | Call::OrgKey) => Duration::from_millis(150),
        (Fault::Stall, _) => Duration::from_millis(40),
        _ => PATIENT,
    };
    let client = Client::new(group.kind, recording, group.call, group.found, silence, 1);
    for &cut in &group.cuts {
        let shown = format!("{group:?} after {cut} of {} bytes", framed.bytes.len());
        let expected = expected(group, &framed, cut);
        let mut course = try_once(&client, group, &framed, cut);
        let is_right = |(outcome, requests): &(Result<(), Error>, usize)| {
            expected.contains(&outcome_of(outcome)) && *requests == 1
        };
        if group.fault == Fault::Stall && !is_right(&course) {
            // On a busy machine the short timeout also expires before or after the call.
            let client = Client::new(group.kind, recording, group.call, group.found, PATIENT, 1);
            course = try_once(&client, group, &framed, cut);
        }
        assert!(
            is_right(&course),
            "{shown}: {course:?} in place of {expected:?}"
        );
    }
}

fn try_once(
    client: &Client,
    group: &Group,
    framed: &Framed,
    cut: usize,
) -> (Result<(), Error>, usize) {
    let end = match group.fault {
        Fault::Close => End::Close,
        Fault::Reset => End::Reset,
        Fault::Stall => End::Silence,
    };
    let reply = Reply::new(&framed.bytes[..cut], end);
    let begun = Instant::now();
    let course = client.call_with(move |_| reply.clone());
    let took = begun.elapsed();
    assert!(took < HANG, "{group:?} after {cut} bytes took {took:?}");
    course
}

fn outcome_of(outcome: &Result<(), Error>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Whole,
        Err(error) => Outcome::Failed {
            kind: error.kind(),
            is_retryable: error.is_retryable(),
        },
    }
}

/// The accepted outcomes. There are two where the arrival of the pieces decides if the value is known to
/// be whole: if the last line break after the last chunk is missing, or a reset replaces the end.
fn expected(group: &Group, framed: &Framed, cut: usize) -> Vec<Outcome> {
    let failed = |kind, is_retryable| Outcome::Failed { kind, is_retryable };
    let failure = match (group.call, group.found) {
        (Call::Create, Found::Own) => Outcome::Whole,
        (Call::Create, Found::Foreign) => failed(ErrorKind::Conflict, false),
        (Call::Create | Call::Update | Call::Delete, _) => failed(ErrorKind::Ambiguous, false),
        _ => failed(ErrorKind::Transport, true),
    };
    if group.fault == Fault::Stall {
        return vec![failure];
    }
    // A delete without a body succeeds too; the asynchronous client may notice a reset first.
    let is_empty = group.call == Call::Delete && group.framing == Framing::Close;
    let is_noticed = group.fault == Fault::Reset && !matches!(group.kind, ClientKind::Blocking);
    if is_empty && cut == framed.head && !is_noticed {
        return vec![Outcome::Whole];
    }
    if cut >= framed.enough || is_empty && cut == framed.head {
        return vec![Outcome::Whole, failure];
    }
    vec![failure]
}

#[test]
fn a_retry_after_a_cut_answer_succeeds() {
    let recording = Recording::of_a_vault();
    let groups: Vec<_> = groups(&recording)
        .into_iter()
        .filter(|group| {
            group.fault == Fault::Reset && group.found == Found::Own && group.call != Call::Create
        })
        .collect();
    run(&groups, |group| {
        let framed = group.framing.apply(recording.answer(group.call));
        let client = Client::new(group.kind, &recording, group.call, group.found, PATIENT, 2);
        for &cut in &group.cuts {
            if expected(group, &framed, cut).contains(&Outcome::Whole) {
                continue;
            }
            let (half, whole) = (
                framed.bytes[..cut].to_vec(),
                framing::closing(&framed.bytes),
            );
            let (outcome, requests) = client.call_with(move |number| match number {
                0 => Reply::new(half.clone(), End::Reset),
                _ => Reply::new(whole.clone(), End::Close),
            });
            outcome.unwrap_or_else(|error| {
                unreachable!("{:?} {:?} {cut}: {error}", group.call, group.framing)
            });
            assert_eq!(requests, 2, "{:?} {:?} {cut}", group.call, group.framing);
        }
    });
}

#[test]
fn an_answer_in_two_pieces_is_accepted() {
    let recording = Recording::of_a_vault();
    let groups: Vec<_> = groups(&recording)
        .into_iter()
        .filter(|group| group.fault == Fault::Close && group.found == Found::Own)
        .collect();
    run(&groups, |group| {
        let framed = group.framing.apply(recording.answer(group.call));
        let client = Client::new(
            group.kind,
            &recording,
            group.call,
            Found::Forbidden,
            PATIENT,
            1,
        );
        let end = if group.framing == Framing::Close {
            End::Close
        } else {
            End::KeepOpen
        };
        for &cut in &group.cuts {
            let (first, second) = framed.bytes.split_at(cut);
            let reply = Reply::in_pieces(vec![first.to_vec(), second.to_vec()], end);
            let (outcome, requests) = client.call_with(move |_| reply.clone());
            outcome.unwrap_or_else(|error| {
                unreachable!("{:?} {:?} {cut}: {error}", group.call, group.framing)
            });
            assert_eq!(requests, 1);
        }
    });
}

/// Runs all groups, many at a time, since most of them wait. A panic in one fails the test.
fn run(groups: &[Group], work: impl Fn(&Group) + Sync) {
    let next = Mutex::new(groups.iter());
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                loop {
                    let Some(group) = next.lock().unwrap().next() else {
                        return;
                    };
                    work(group);
                }
            });
        }
    });
}
