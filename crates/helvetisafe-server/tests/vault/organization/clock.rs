//! The clock of the database, which all nodes share. Here it is an hour ahead of that of the node.

use helvetisafe_proto::ErrorCode;
use helvetisafe_server::Vault;
use helvetisafe_test_postgres::Database;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::world::{MEMBER, World, check};
use crate::support::{NONCE, VALUE};

/// Less than the difference of the clocks.
const SOON: SignedDuration = SignedDuration::from_mins(30);

/// Returns an organization in a database of its own, and that database; `None` without PostgreSQL.
fn ahead() -> Option<(World, Database)> {
    let database = helvetisafe_test_postgres::database()?;
    let url = database.url();
    let path = url.split('?').next().unwrap();
    let name = path.rsplit('/').next().unwrap();
    database.run(&format!(
        "CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql \
         AS 'SELECT pg_catalog.statement_timestamp() + interval ''1 hour'''; \
         ALTER DATABASE {name} SET search_path = public, pg_catalog"
    ));
    let vault = Vault::builder().database(url.parse().unwrap());
    Some((World::of(vault.start().unwrap()), database))
}

#[test]
fn an_invitation_expires_by_it() {
    let Some((world, database)) = ahead() else {
        return;
    };
    let invite = |name, life| world.invite(&world.invitation_for(name, MEMBER, life));
    check(&invite("Bob", SOON), ErrorCode::ExpiryInThePast);
    let days = SignedDuration::from_hours(90 * 24);
    invite("Bob", days + SOON).success(200);
    check(
        &invite("Eve", days + SOON + SOON + SOON),
        ErrorCode::InvalidMember,
    );

    // As many as an organization may have open. They have expired.
    let soon = (Timestamp::now() + SOON).as_microsecond();
    database.run(&format!(
        "INSERT INTO invitations (id, organization, key_epoch, secret_hash, sealed_nonce, sealed_secret, name, kind, scopes, \
         invited_by, status, created_at, expires_at, signature) SELECT n, organization, key_epoch, int8send(n), sealed_nonce, \
         sealed_secret, n::text, kind, scopes, invited_by, status, created_at, {soon}, signature \
         FROM invitations, generate_series(1::bigint, 1000) AS n"
    ));
    assert_eq!(world.invitations().as_array().unwrap().len(), 1);
    invite("Eve", days).success(200);
}

#[test]
fn an_api_token_and_a_secret_expire_by_it() {
    let Some((world, _database)) = ahead() else {
        return;
    };
    let token = |life| {
        let body = json!({
            "hash": "00".repeat(32), "name": "a", "scopes": "secrets:read",
            "expires_at": Timestamp::now() + life,
        });
        world.call(
            "POST",
            "/api/v1/account/tokens",
            &world.ada.token,
            Some(body),
        )
    };
    let secret = |method, path, life| {
        let body = json!({
            "key": "a", "value": VALUE, "nonce": NONCE, "expiresAt": Timestamp::now() + life,
        });
        world.call(method, path, &world.ada.token, Some(body))
    };
    let all = [
        ("POST", "/api/v1/secrets", 201),
        ("PUT", "/api/v1/secrets/a", 200),
        ("POST", "/api/v1/secrets/a", 200),
    ];
    check(&token(SOON), ErrorCode::ExpiryInThePast);
    token(SOON + SOON + SOON).success(200);
    for (method, path, status) in all {
        check(&secret(method, path, SOON), ErrorCode::ExpiryInThePast);
        secret(method, path, SOON + SOON + SOON).success(status);
    }
}
