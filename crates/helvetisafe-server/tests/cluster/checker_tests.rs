//! The checker accepts what one register could have answered, and nothing else.

use proptest::collection::vec;
use proptest::prelude::*;

use super::checker::check;
use super::history::{Effect, History, Needs, Operation, Register, Token, Value};

fn operation(begun: u64, ended: impl Into<Option<u64>>, needs: Needs, effect: Effect) -> Operation {
    Operation {
        begun,
        ended: ended.into(),
        needs,
        effect,
    }
}

fn write(begun: u64, ended: impl Into<Option<u64>>, value: Value) -> Operation {
    operation(begun, ended, Needs::Anything, Effect::Set(value))
}

fn delete(begun: u64, ended: u64) -> Operation {
    operation(begun, ended, Needs::Present, Effect::Clear)
}

fn read(begun: u64, ended: u64, value: Option<Value>) -> Operation {
    let needs = value.map_or(Needs::Absent, Needs::Exactly);
    operation(begun, ended, needs, Effect::Nothing)
}

fn swap(begun: u64, ended: impl Into<Option<u64>>, from: Value, to: Value) -> Operation {
    operation(begun, ended, Needs::Exactly(from), Effect::Set(to))
}

#[test]
fn a_stale_read_is_rejected() {
    let writes = [write(0, 1, 1), write(2, 3, 2)];
    for (at, value, is_accepted) in [(4, 2, true), (4, 1, false), (2, 1, true), (2, 2, true)] {
        let history = [&writes[..], &[read(at, at + 1, Some(value))]].concat();
        assert_eq!(check(&history, None).is_ok(), is_accepted, "{at} {value}");
    }
}

#[test]
fn a_lost_write_is_rejected() {
    assert!(check(&[write(0, 1, 1), read(2, 3, None)], None).is_err());
    assert!(check(&[write(0, 1, 1), write(2, 3, 2), read(4, 5, Some(1))], None).is_err());
}

#[test]
fn a_deleted_secret_does_not_return() {
    let history = [write(0, 1, 1), delete(2, 3), read(4, 5, None)];
    assert!(check(&history, None).is_ok());
    let history = [&history[..], &[read(6, 7, Some(1))]].concat();
    assert!(check(&history, None).is_err());
}

#[test]
fn of_two_updates_with_the_same_condition_one_succeeds() {
    let both = [swap(0, 2, 1, 2), swap(1, 3, 1, 3)];
    assert!(check(&both[..1], Some(1)).is_ok());
    assert!(check(&both, Some(1)).is_err());
}

#[test]
fn a_write_without_an_answer_happens_once_at_any_later_time_or_never() {
    let unanswered = write(5, None, 2);
    let with = |reads: &[Operation]| {
        let history = [&[write(0, 1, 1), unanswered], reads].concat();
        check(&history, None).is_ok()
    };
    assert!(with(&[read(6, 7, Some(1)), read(8, 9, Some(1))]));
    assert!(with(&[read(6, 7, Some(1)), read(800, 900, Some(2))]));
    assert!(!with(&[read(6, 7, Some(2)), read(8, 9, Some(1))]));
    assert!(!with(&[read(2, 3, Some(2))]), "before it was sent");
    let again = [read(6, 7, Some(2)), write(8, 9, 3), read(10, 11, Some(2))];
    assert!(!with(&again), "twice");
}

/// Returns true if the checker accepts the operations of a history.
fn is_accepted(history: History) -> bool {
    let mut registers = History::join(vec![history]).into_values();
    registers.all(|operations| check(&operations, None).is_ok())
}

#[test]
fn a_stale_list_is_rejected() {
    let list = |at, versions: [Option<&str>; 2]| {
        let mut history = History::default();
        for (number, version) in [(1, "a"), (2, "b")] {
            history.add(
                Register::Secret(0),
                write(number * 10, number * 10 + 1, number),
            );
            history.add_version(version, number);
        }
        history.add(Register::Secret(0), delete(30, 31));
        history.add_list(
            at,
            at + 2,
            versions.map(|it| it.map(str::to_owned)).to_vec(),
        );
        is_accepted(history)
    };
    assert!(list(12, [Some("a"), None]));
    assert!(list(19, [Some("a"), None]) && list(19, [Some("b"), None]));
    assert!(list(22, [Some("b"), None]));
    assert!(!list(22, [Some("a"), None]), "a replaced version");
    assert!(!list(22, [None, None]), "without a secret that exists");
    assert!(
        !list(22, [Some("b"), Some("b")]),
        "with one that never existed"
    );
    assert!(list(32, [None, None]));
    assert!(!list(32, [Some("b"), None]), "with a deleted one");
    assert!(
        list(22, [Some("unknown"), None]),
        "the version of a write without an answer"
    );
}

#[test]
fn a_use_of_a_token_after_its_revocation_is_rejected() {
    let token = |number| Register::Token(Token { account: 0, number });
    let accepted = |at| operation(at, at + 2, Needs::Present, Effect::Nothing);
    let refused = |at| operation(at, at + 2, Needs::Absent, Effect::Nothing);
    let with = |last: Operation, ended| {
        let mut history = History::default();
        history.add(token(1), write(0, 1, 1));
        history.add(token(1), accepted(5));
        history.add_revocation(0, 10, ended);
        history.add_revocation(1, 3, Some(4));
        history.add(token(2), write(15, 16, 2));
        history.add(token(2), accepted(20));
        history.add(token(1), last);
        is_accepted(history)
    };
    assert!(with(refused(12), Some(11)));
    assert!(!with(accepted(12), Some(11)));
    assert!(with(accepted(10), Some(13)) && with(refused(10), Some(13)));
    assert!(
        with(accepted(12), None) && with(refused(12), None),
        "its outcome is unknown"
    );
    assert!(!with(refused(7), Some(11)), "before the revocation");
}

#[test]
fn the_failure_names_what_cannot_be_explained() {
    let violation = check(&[write(0, 1, 1), read(2, 3, None)], None).unwrap_err();
    assert_eq!(violation.explained, 1);
    assert_eq!(violation.state, Some(1));
    assert_eq!(violation.stuck[0].needs, Needs::Absent);
}

/// An operation on a register at a moment, and how long before and after it the client saw it.
type Step = (u8, u64, u64, bool);

/// Performs the steps on a register, one per 10 units of time.
fn perform(steps: &[Step]) -> Vec<Operation> {
    let (mut state, mut values) = (None, 0);
    let mut performed = Vec::new();
    for (moment, &(kind, before, after, is_answered)) in (0..).map(|at| at * 10 + 1000).zip(steps) {
        values += 1;
        let (needs, effect) = match (kind, state) {
            (0, _) => (Needs::Anything, Effect::Set(values)),
            (1, Some(_)) => (Needs::Present, Effect::Clear),
            (2, Some(value)) => (Needs::Exactly(value), Effect::Set(values)),
            (3, Some(value)) => (Needs::Exactly(value), Effect::Nothing),
            (4, Some(value)) if value > 1 => (Needs::OtherThan(value - 1), Effect::Nothing),
            (_, Some(_)) => (Needs::Present, Effect::Nothing),
            (_, None) => (Needs::Absent, Effect::Nothing),
        };
        state = effect.on(state);
        let is_answered = is_answered || effect == Effect::Nothing || kind == 2;
        let needs = if is_answered { needs } else { Needs::Anything };
        let ended = is_answered.then_some(moment + after);
        performed.push(operation(moment - before, ended, needs, effect));
    }
    performed
}

proptest! {
    #[test]
    fn what_a_register_answers_is_accepted(
        steps in vec((0..6_u8, 0..80_u64, 0..80_u64, prop::bool::weighted(0.9)), 0..200),
    ) {
        prop_assert!(check(&perform(&steps), None).is_ok());
    }

    /// A read of a value that was overwritten before the read began.
    #[test]
    fn a_stale_read_anywhere_is_rejected(
        steps in vec((0..6_u8, 0..5_u64, 0..5_u64, Just(true)), 4..200),
        at in any::<prop::sample::Index>(),
    ) {
        let mut history = perform(&steps);
        let writes: Vec<_> = history.iter().filter(|one| one.needs == Needs::Anything).copied().collect();
        prop_assume!(writes.len() > 1);
        let stale = at.index(writes.len() - 1);
        let Effect::Set(value) = writes[stale].effect else { unreachable!("a write") };
        let begun = writes[stale + 1].ended.unwrap() + 1;
        history.push(read(begun, begun + 1, Some(value)));
        prop_assert!(check(&history, None).is_err());
    }
}
