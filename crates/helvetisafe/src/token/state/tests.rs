use helvetisafe_proto::endpoint::AccessToken;

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

fn begin(state: &mut State, now: u64) -> u64 {
    match state.next_step(state.serial(), seconds(now), LONGEST) {
        Step::Renew { id, .. } => id,
        _ => panic!("somebody renews already, or nobody has to"),
    }
}

/// Somebody waited for a renewal; before it woke, another had used what that brought, was answered 401
/// and forgot it.
#[test]
fn whoever_waited_for_a_token_that_is_gone_renews() {
    let mut state = State {
        serial: 1,
        ..State::default()
    };
    let step = state.next_step(0, Duration::ZERO, LONGEST);
    assert!(matches!(step, Step::Renew { attempts: None, .. }));
    let step = state.next_step(0, Duration::ZERO, LONGEST);
    assert!(
        matches!(step, Step::Wait { at_most: LONGEST }),
        "one at a time"
    );
}

#[test]
fn whoever_waited_for_one_that_ran_out_of_time_renews() {
    let mut state = State::default();
    let id = begin(&mut state, 0);
    state.run_out(id, seconds(1));
    state.release(id);
    let step = state.next_step(0, seconds(1), LONGEST);
    assert!(matches!(step, Step::Renew { attempts: None, .. }));
}

#[test]
fn an_old_token_serves_for_a_while_after_a_renewal_ran_out_of_time() {
    let mut state = State::default();
    let id = begin(&mut state, 0);
    state.end(id, token("old"), seconds(0));
    state.release(id);
    let id = begin(&mut state, 3575);
    state.run_out(id, seconds(3580));
    state.release(id);
    let step = |state: &mut State, now| state.next_step(1, seconds(now), LONGEST);
    assert!(matches!(step(&mut state, 3584), Step::Take(Ok(_))));
    let step = step(&mut state, 3585);
    assert!(matches!(
        step,
        Step::Renew {
            attempts: Some(1),
            ..
        }
    ));
}

#[test]
fn a_failure_is_told_to_whoever_waited() {
    let mut state = State::default();
    let id = begin(&mut state, 0);
    let error = Error::new(Action::FetchToken, Cause::RuntimeEnded);
    state.end(id, Err(error), seconds(1));
    state.release(id);
    let step = state.next_step(0, seconds(1), LONGEST);
    assert!(matches!(step, Step::Take(Err(_))));
}

/// Its task rests with a runtime that nobody runs, and goes on in the end.
#[test]
fn a_renewal_that_does_not_end_is_given_up() {
    let mut state = State::default();
    let old = begin(&mut state, 0);
    let step = state.next_step(0, seconds(29), LONGEST);
    assert!(matches!(step, Step::Wait { at_most } if at_most == seconds(1)));
    let new = begin(&mut state, 30);
    state.end(old, token("old"), seconds(31));
    state.release(old);
    let step = state.next_step(0, seconds(31), LONGEST);
    assert!(matches!(step, Step::Wait { .. }), "for the new one");
    state.end(new, token("new"), seconds(31));
    state.release(new);
    let step = state.next_step(0, seconds(31), LONGEST);
    assert!(matches!(step, Step::Take(Ok(_))));
    assert_eq!(state.held().unwrap().token.expose_secret(), "new");
}
