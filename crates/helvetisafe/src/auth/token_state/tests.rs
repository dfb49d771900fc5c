use super::*;
use crate::error::{Action, Cause};

const LONGEST: Duration = Duration::from_secs(30);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn token(text: &str) -> Result<AccessToken, Error> {
    Ok(AccessToken {
        token: Token::parse(text.into()).unwrap(),
        life: seconds(3600),
        granted: None,
    })
}

fn begin(state: &mut TokenState, now: u64) -> FlightId {
    assert!(state.outcome_since(state.renewals, seconds(now)).is_none());
    let begun = state.slot.begin(seconds(now), LONGEST);
    begun.unwrap_or_else(|_| panic!("no other renewal is in progress"))
}

/// Another caller used the token that a renewal fetched, was answered 401 and dropped it before the
/// waiting caller woke.
#[test]
fn a_caller_that_waited_for_a_token_that_is_gone_renews() {
    let state = TokenState {
        renewals: 1,
        ..TokenState::default()
    };
    assert!(state.outcome_since(0, Duration::ZERO).is_none());
    assert!(!state.is_alive(Duration::ZERO), "all attempts");
}

#[test]
fn a_caller_that_waited_for_a_renewal_that_timed_out_renews() {
    let mut state = TokenState::default();
    let id = begin(&mut state, 0);
    state.note_timeout(id, seconds(1));
    state.slot.free(id);
    assert!(state.outcome_since(0, seconds(1)).is_none());
}

#[test]
fn an_old_token_is_used_for_a_while_after_a_renewal_timed_out() {
    let mut state = TokenState::default();
    let id = begin(&mut state, 0);
    state.end(id, token("old"), seconds(0));
    state.slot.free(id);
    let id = begin(&mut state, 3575);
    state.note_timeout(id, seconds(3580));
    state.slot.free(id);
    assert!(matches!(state.outcome_since(1, seconds(3584)), Some(Ok(_))));
    assert!(state.outcome_since(1, seconds(3585)).is_none());
    assert!(state.is_alive(seconds(3585)), "one attempt");
}

#[test]
fn a_failure_is_returned_to_the_callers_that_waited() {
    let mut state = TokenState::default();
    let id = begin(&mut state, 0);
    let error = Error::new(Action::FetchToken, Cause::RuntimeEnded);
    state.end(id, Err(error), seconds(1));
    state.slot.free(id);
    assert!(matches!(state.outcome_since(0, seconds(1)), Some(Err(_))));
}

/// Its task belongs to a runtime that no thread runs, and ends later.
#[test]
fn a_renewal_that_does_not_end_is_given_up() {
    let mut state = TokenState::default();
    let old = begin(&mut state, 0);
    let new = begin(&mut state, 30);
    state.end(old, token("old"), seconds(31));
    state.slot.free(old);
    assert!(state.outcome_since(0, seconds(31)).is_none());
    assert!(state.slot.holds(new));
    state.end(new, token("new"), seconds(31));
    state.slot.free(new);
    assert!(matches!(state.outcome_since(0, seconds(31)), Some(Ok(_))));
    let (token, ..) = state.token_in_use(seconds(31)).unwrap();
    assert_eq!(token.expose_secret(), "new");
}
