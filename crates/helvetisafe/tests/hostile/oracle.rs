//! «Padding oracle on unwrap.»

use helvetisafe_server::faults::{BadOrgKey, Fault, Route, Seen};

use crate::world::World;

/// All that a vault sees of a client that refuses an org key: its requests.
fn observed(bad: BadOrgKey) -> (Vec<(String, String)>, String) {
    let world = World::new();
    let fault = Fault::bad_org_key(&world.account, bad).unwrap();
    world.faults.on(Route::OrgKey).then(fault);
    let error = world.builder().connect().unwrap_err();
    let request = |seen: Seen| (seen.method, seen.path);
    let requests = world.faults.log().into_iter().map(request).collect();
    (requests, format!("{error} {error:?} {:?}", error.kind()))
}

#[test]
fn a_vault_cannot_tell_bad_padding_from_a_bad_length() {
    let (requests, error) = observed(BadOrgKey::WrappedForAnother);
    assert_eq!(requests.len(), 2, "a token and one attempt: {requests:?}");
    for bad in [
        BadOrgKey::Short,
        BadOrgKey::Long,
        BadOrgKey::Empty,
        BadOrgKey::BeyondTheModulus,
        BadOrgKey::Truncated,
    ] {
        let other = observed(bad);
        assert_eq!(other, (requests.clone(), error.clone()), "{bad:?}");
    }
}
