use super::*;

/// Somebody waited for a renewal; before it woke, another had used what that brought, was answered 401
/// and forgot it.
#[test]
fn whoever_waited_for_a_token_that_is_gone_renews() {
    let mut state = State {
        serial: 1,
        ..State::default()
    };
    let step = state.next_step(0, Duration::ZERO);
    assert!(matches!(step, Step::Renew { attempts: None }));
    let step = state.next_step(0, Duration::ZERO);
    assert!(matches!(step, Step::Wait), "one at a time");
}
