//! What an account with few rights cannot do.

use super::*;

/// An open invitation has its secret, sealed under a key that every member can derive. Check: the scope of
/// `ListInvitations`.
#[test]
fn only_an_administrator_sees_the_secrets_of_open_invitations() {
    let real = Real::new(Kind::Blocking);
    let scopes = "credentials:read organization:read";
    let eve = real.member("eve", scopes);
    real.invite("bob", ADMINISTRATOR);
    let client = real.connect(&eve, scopes).unwrap();
    let error = client.invitations().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(client.members(&real.anchor).unwrap().len(), 2);
}
