//! Calls of the vault without the client: they read keys and ciphertext, and store multi-field secrets
//! and legacy text as other tools do.

use helvetisafe::ApiTokenHeader;
use helvetisafe_crypto::{Envelope, OrgKey, PrivateKey, WrappedOrgKey};
use helvetisafe_proto::auth::{AuthHeader, Token};
use helvetisafe_proto::endpoint::{CreateSecret, GetOrgKey, GetSecret, NewSecret, SecretRecord};
use helvetisafe_proto::{BaseUrl, Endpoint, KeyName};

use crate::Member;

/// Makes a call with the member's API token.
pub fn call<E: Endpoint>(base_url: &str, member: &Member, call: &E) -> E::Answer {
    let token = Token::parse(member.api_token.clone()).unwrap();
    let mut request = call.request(&BaseUrl::parse(base_url).unwrap());
    AuthHeader::api_token(&token, ApiTokenHeader::Bearer).apply(request.headers_mut());
    let (parts, mut body) = ureq::run(request).unwrap().into_parts();
    let body = body.with_config().limit(16 << 20).read_to_vec().unwrap();
    call.parse(ureq::http::Response::from_parts(parts, body))
        .unwrap()
}

/// The org key, which only the member can unwrap.
pub fn org_key(base_url: &str, member: &Member) -> OrgKey {
    let answer = call(base_url, member, &GetOrgKey);
    let key = PrivateKey::from_pem(&member.account.private_key_pem).unwrap();
    key.unwrap_org_key(&WrappedOrgKey::decode(&answer.encrypted_org_key).unwrap())
        .unwrap()
}

/// A secret as the vault stores it.
pub fn read(base_url: &str, member: &Member, key: &str) -> SecretRecord {
    let key = KeyName::parse(key).unwrap();
    call(base_url, member, &GetSecret { key })
}

/// Seals any plaintext and stores it.
pub fn create(base_url: &str, member: &Member, key: &str, plaintext: &[u8]) {
    create_sealed(
        base_url,
        member,
        key,
        &org_key(base_url, member).seal(plaintext).unwrap(),
    );
}

/// Stores an envelope, whatever key it is sealed under.
pub fn create_sealed(base_url: &str, member: &Member, key: &str, envelope: &Envelope) {
    let secret = NewSecret {
        key: KeyName::parse(key).unwrap(),
        value: envelope.encode_value(),
        nonce: envelope.encode_nonce(),
        expires_at: None,
        key_epoch: None,
    };
    call(base_url, member, &CreateSecret { secret });
}
