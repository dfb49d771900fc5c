use std::time::Duration;

use tokio::time::sleep;

use super::*;

#[tokio::test]
async fn an_account_is_found_with_its_keys() {
    for world in worlds().await {
        let store = &world.store;
        assert!(store.has_accounts().await.unwrap());
        let client = store.client(&world.client_id).await.unwrap().unwrap();
        assert_eq!(client.account, world.account);
        assert_eq!(client.scopes, Scopes::ALL);
        assert!(Hash::of_text("secret").matches(Some(&client.client_secret_hash)));
        assert!(store.client("hs_client_unknown").await.unwrap().is_none());

        let org_key = |epoch| store.encrypted_org_key(world.account, epoch);
        let found = org_key(KeyEpoch::FIRST).await.unwrap();
        assert_eq!(found.as_deref(), Some("wrapped"));
        assert_eq!(org_key(KeyEpoch(2)).await.unwrap(), None);
        let key = store.private_key(world.account).await.unwrap().unwrap();
        assert_eq!(
            [
                &key.encrypted_private_key,
                &key.nonce,
                &key.salt,
                &key.auth_tag
            ],
            ["locked", "nonce", "salt", "tag"]
        );
        let unknown = AccountId(generate_id().unwrap());
        assert!(store.private_key(unknown).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_row_without_its_parent_is_refused() {
    for world in worlds().await {
        let unknown = generate_id().unwrap();
        let account = account(OrganizationId(unknown));
        let added = world.store.add_account(account).await;
        assert_eq!(added, Err(StoreError::NoParent));
        let token = token(AccountId(unknown), TokenExpiry::Never);
        assert_eq!(
            world.store.add_token(token).await,
            Err(StoreError::NoParent)
        );
    }
}

#[tokio::test]
async fn a_second_account_has_the_org_key_of_its_organizations_epoch() {
    for world in worlds().await {
        let account = account(world.tenant.organization);
        let id = account.id;
        world.store.add_account(account).await.unwrap();
        let found = world.store.encrypted_org_key(id, KeyEpoch::FIRST).await;
        assert_eq!(found.unwrap().as_deref(), Some("wrapped"));
    }
}

#[tokio::test]
async fn a_token_is_valid_until_it_expires_or_is_revoked() {
    for world in worlds().await {
        let store = &world.store;
        let add = async |kind, expiry| {
            let row = TokenRow {
                kind,
                scopes: Scopes::NONE,
                ..token(world.account, expiry)
            };
            let hash = row.hash;
            store.add_token(row).await.unwrap();
            hash
        };
        let is_valid = async |hash: &Hash| store.principal(hash).await.unwrap().is_some();
        let short = TokenExpiry::After(Duration::from_millis(400));
        let past = TokenExpiry::At(Moment(0));
        let ends = add(TokenKind::Access, short).await;
        let ended = add(TokenKind::Access, past).await;
        let access = add(TokenKind::Access, TokenExpiry::After(Duration::MAX)).await;
        let api = add(TokenKind::Api, TokenExpiry::Never).await;
        assert!(is_valid(&ends).await && is_valid(&access).await && is_valid(&api).await);
        assert!(!is_valid(&ended).await && !is_valid(&Hash::of_text("unknown")).await);

        let principal = store.principal(&access).await.unwrap().unwrap();
        assert_eq!(principal.account, world.account);
        assert_eq!(principal.tenant, world.tenant);
        assert_eq!(principal.kind, TokenKind::Access);
        assert_eq!(principal.scopes, Scopes::NONE);
        let (principal, record) = store.read_secret(&api, None).await.unwrap().unwrap();
        assert_eq!(principal.kind, TokenKind::Api);
        assert!(record.is_none());

        sleep(Duration::from_millis(500)).await;
        assert!(!is_valid(&ends).await);
        store.sweep().await.unwrap();
        assert!(is_valid(&access).await && is_valid(&api).await);
        store
            .revoke(world.account, TokenKind::Access)
            .await
            .unwrap();
        assert!(!is_valid(&access).await && is_valid(&api).await);
        assert!(
            store
                .read_secret(&access, Some(key("a")))
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[test]
fn the_scopes_of_a_newer_version_are_ignored() {
    use super::super::token::parse_scopes;
    let scopes = parse_scopes("secrets:read organization:rotate secrets:list");
    assert_eq!(scopes.to_string(), "secrets:read secrets:list");
    assert_eq!(parse_scopes(""), Scopes::NONE);
}
