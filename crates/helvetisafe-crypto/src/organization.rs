//! The cryptography of an organization whose vault has no key: invitations, join requests, the signed chain, and
//! the words that people compare. `docs/organization-keys.md` in the repository specifies every byte, and the threat
//! that each step stops.
//!
//! | step | items |
//! |---|---|
//! | an administrator invites | [`InvitationSecret`], [`Invitation`], [`SignedInvitation`], [`InvitationCode`] |
//! | the invited person joins | [`JoinRequest`], [`Credential`], [`SigningKey`] for an administrator |
//! | an administrator confirms | [`JoinRequest::verify`], [`Chain::confirm`] |
//! | all clients follow | [`Entry`], [`Chain`], [`Anchor`] |
//! | people compare keys | [`Words`] |
//!
//! ```
//! use helvetisafe_crypto::organization::*;
//! use helvetisafe_crypto::{OrgKey, PrivateKey};
//!
//! # #[cfg(feature = "getrandom")] {
//! // The founder makes all keys, and the first entry of the chain.
//! let org_key = OrgKey::generate()?;
//! let signing_key = SigningKey::generate()?;
//! let founder = PublicKeyInfo::try_from(&PrivateKey::generate(2048)?.public_key())?;
//! let fingerprint = org_key.fingerprint();
//! let genesis = Chain::found("acme", 1, &fingerprint, "a-1", "ada", &founder, &signing_key);
//! let anchor = Anchor::Key(signing_key.verification_key());
//! let chain = Chain::follow("acme", &anchor, &[genesis.clone()])?;
//!
//! // She invites. The vault stores the envelope; the code goes to Bob on another channel.
//! let secret = InvitationSecret::generate()?;
//! let invitation = Invitation {
//!     organization: "acme".into(),
//!     epoch: chain.epoch(),
//!     name: "bob".into(),
//!     scopes: ["secrets:read".into()].into(),
//!     expires_at: 1_795_000_000,
//! };
//! let (id, sealed) = (secret.id(), secret.seal(&org_key, &invitation)?);
//! let signed = invitation.sign(&id, &signing_key);
//! let code = InvitationCode {
//!     secret,
//!     base_url: "https://vault.example".into(),
//!     fingerprint: *chain.fingerprint(),
//!     inviter: signing_key.verification_key(),
//!     head: *chain.head(),
//! }
//! .encode();
//!
//! // Bob follows the chain from the code, and asks to join.
//! let code = InvitationCode::parse(&code)?;
//! let chain = Chain::follow("acme", &Anchor::Head(code.head), &[genesis])?;
//! assert!(chain.has_had(&code.fingerprint));
//! let (private_key, client_secret) = (PrivateKey::generate(2048)?, Credential::generate()?);
//! let request = JoinRequest {
//!     organization: "acme".into(),
//!     epoch: chain.epoch(),
//!     fingerprint: *chain.fingerprint(),
//!     name: "bob".into(),
//!     scopes: ["secrets:read".into()].into(),
//!     account: "a-2".into(),
//!     public_key: PublicKeyInfo::try_from(&private_key.public_key())?,
//!     client_secret_hash: client_secret.hash(),
//!     verification_key: None,
//!     locked_private_key: None,
//! };
//! let mac = request.authenticate(&code.secret);
//!
//! // She opens the secret again, verifies, wraps and signs.
//! let secret = InvitationSecret::open(sealed, &org_key, &signed.invitation, &id)?;
//! let verified = request.verify(&mac, &secret, &signed, &chain)?;
//! let wrapped = verified.request().public_key.public_key().wrap_org_key(&org_key)?;
//! let entry = chain.confirm(&verified, &signing_key)?;
//!
//! // Bob pins the key if it is the one of the chain.
//! let unwrapped = private_key.unwrap_org_key(&wrapped)?;
//! let mut chain = chain;
//! chain.append(&entry)?;
//! assert_eq!(unwrapped.fingerprint(), *chain.fingerprint());
//! assert_eq!(chain.members()["a-2"].name, "bob");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chain;
mod code;
mod credential;
mod encoding;
#[cfg(all(test, feature = "getrandom"))]
mod fixtures;
mod invitation;
mod join;
mod keys;
mod mac;
mod words;

pub use chain::{Anchor, Chain, ChainError, ChainMember, Entry, Event, Head, is_name};
pub use code::{InvalidCode, InvitationCode};
pub use credential::Credential;
pub use invitation::{Invitation, InvitationSecret, SignedInvitation};
pub use join::{JoinRefused, JoinRequest, VerifiedJoinRequest};
pub use keys::{InvalidKey, PublicKeyInfo, SigningKey, VerificationKey};
pub use words::{InvalidWords, Words};
