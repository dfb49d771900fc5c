use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::store::api_token::ApiTokenRow;

impl World {
    /// Returns the right of another credential.
    fn grant_of(&self, token: Hash) -> Grant {
        Grant {
            token,
            tenant: self.tenant,
        }
    }

    async fn create_api_token(
        &self,
        grant: Grant,
        token: NewApiTokenRow,
    ) -> Result<Option<ApiTokenRow>, ActError> {
        self.store.act(CreateApiTokenAct { grant, token }).await
    }

    async fn revoke_api_token(&self, grant: Grant, id: i64) -> Result<bool, ActError> {
        self.store.act(RevokeApiTokenAct { grant, id }).await
    }
}

fn new_token(text: &str) -> NewApiTokenRow {
    NewApiTokenRow {
        hash: Hash::of_text(text),
        id: generate_id().unwrap(),
        name: "ci".to_owned(),
        scopes: Scopes::ALL,
        expires_at: None,
    }
}

async fn acts(world: &World) -> Vec<(String, Option<String>)> {
    let acts = world.store.audit(world.tenant.organization, None, 100);
    let acts = acts.await.unwrap().into_iter();
    acts.map(|act| {
        assert_eq!(act.actor.as_deref(), Some(&*world.client_id));
        (act.act, act.subject)
    })
    .collect()
}

#[tokio::test]
async fn an_api_token_is_created_once_listed_and_revoked() {
    for world in worlds().await {
        let store = &world.store;
        let create = |token| world.create_api_token(world.grant(), token);
        let created = create(new_token("a")).await.unwrap().unwrap();
        // The same content has the same id again.
        assert_eq!(create(new_token("a")).await.unwrap(), Some(created.clone()));
        let other = NewApiTokenRow {
            name: "other".to_owned(),
            ..new_token("a")
        };
        assert_eq!(create(other).await.unwrap(), None);
        let hash = Hash::of_text("a");
        let principal = store.principal(&hash).await.unwrap().unwrap();
        assert_eq!(principal.kind, TokenKind::Api);
        let listed = store.api_tokens(world.account).await.unwrap();
        assert_eq!(listed.len(), 2, "with the one of the world");
        assert!(listed.contains(&created));

        let revoke = |id| world.revoke_api_token(world.grant(), id);
        assert!(!revoke(created.id ^ 1).await.unwrap());
        assert!(revoke(created.id).await.unwrap());
        assert!(revoke(created.id).await.unwrap(), "it was revoked before");
        assert!(store.principal(&hash).await.unwrap().is_none());
        assert_eq!(store.api_tokens(world.account).await.unwrap().len(), 1);
        let subject = Some(format!("{:016x}", created.id));
        let expected =
            ["token.revoke", "token.create"].map(|act| (act.to_owned(), subject.clone()));
        assert_eq!(acts(&world).await, expected);
    }
}

#[tokio::test]
async fn an_api_token_of_another_account_is_out_of_reach() {
    for world in worlds().await {
        let store = &world.store;
        let other = account(world.tenant.organization);
        let theirs = token(other.id, TokenExpiry::Never);
        let (credential, id) = (world.grant_of(theirs.hash), other.id);
        store.add_account(other).await.unwrap();
        store.add_token(theirs).await.unwrap();
        let created = world.create_api_token(world.grant(), new_token("a"));
        let created = created.await.unwrap().unwrap();
        let taken = world.create_api_token(credential, new_token("a")).await;
        assert_eq!(taken.unwrap(), None);
        assert!(
            !world
                .revoke_api_token(credential, created.id)
                .await
                .unwrap()
        );
        // Also after its account revoked it.
        assert!(
            world
                .revoke_api_token(world.grant(), created.id)
                .await
                .unwrap()
        );
        assert!(
            !world
                .revoke_api_token(credential, created.id)
                .await
                .unwrap()
        );
        assert_eq!(store.api_tokens(id).await.unwrap().len(), 1);
    }
}

/// The credential was valid when the request arrived.
#[tokio::test]
async fn a_change_of_api_tokens_needs_its_credential_until_it_happens() {
    for world in worlds().await {
        let store = &world.store;
        let created = world.create_api_token(world.grant(), new_token("a"));
        let created = created.await.unwrap().unwrap();
        let ended = token(world.account, TokenExpiry::At(Moment(0)));
        let tokens = [ended.hash, Hash::of_text("unknown")];
        store.add_token(ended).await.unwrap();
        for credential in tokens.map(|token| world.grant_of(token)) {
            let refused = world.create_api_token(credential, new_token("b")).await;
            assert_eq!(refused.err(), Some(StoreError::Revoked.into()));
            let refused = world.revoke_api_token(credential, created.id).await;
            assert_eq!(refused.err(), Some(StoreError::Revoked.into()));
        }
        assert!(
            store
                .principal(&Hash::of_text("a"))
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(acts(&world).await.len(), 1);
    }
}

#[tokio::test]
async fn an_expired_api_token_is_not_listed() {
    for world in worlds().await {
        let token = NewApiTokenRow {
            expires_at: Some(Moment::now().after(Duration::from_millis(300))),
            ..new_token("a")
        };
        let created = world.create_api_token(world.grant(), token).await;
        assert!(created.unwrap().unwrap().expires_at.is_some());
        let count = async || world.store.api_tokens(world.account).await.unwrap().len();
        assert_eq!(count().await, 2);
        sleep(Duration::from_millis(400)).await;
        assert_eq!(count().await, 1);
    }
}

#[tokio::test]
async fn acts_are_listed_from_any_of_them_on() {
    for world in worlds().await {
        let store = &world.store;
        for n in 0..7 {
            let created = world.create_api_token(world.grant(), new_token(&n.to_string()));
            created.await.unwrap().unwrap();
        }
        let organization = world.tenant.organization;
        let all = store.audit(organization, None, 100).await.unwrap();
        assert_eq!(all.len(), 7);
        assert!(all.is_sorted_by_key(|act| std::cmp::Reverse(act.at)));
        let mut paged = Vec::new();
        let mut before = None;
        loop {
            let page = store.audit(organization, before, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(stored_id(last.id));
            assert!(store.has_act(organization, before.unwrap()).await.unwrap());
            paged.extend(page);
        }
        assert_eq!(paged, all);
        let other = OrganizationId(organization.0 ^ 1);
        assert_eq!(store.audit(other, None, 100).await.unwrap(), []);
        assert!(!store.has_act(other, before.unwrap()).await.unwrap());
    }
}
