//! The HelvetiSafe envelope format and key unwrapping, without I/O.
//!
//! **In scope:** sealing and opening secrets under the org key ([`OrgKey`], [`Envelope`]), the content
//! of an envelope ([`Payload`]), unwrapping the org key with an account's RSA key ([`PrivateKey`],
//! [`WrappedOrgKey`]), and unlocking that RSA key with a password ([`LockedPrivateKey`]).
//!
//! **Out of scope:** HTTP, files, clocks, and any other algorithm. There is nothing to configure:
//! the format fixes AES-256-GCM, RSA-OAEP with SHA-256, and Argon2id.
//!
//! The crate is `no_std` and needs `alloc`. Every function that draws randomness takes a
//! [`rand_core::TryCryptoRng`] and is named `…_with_rng`. With the feature `getrandom` (default) each
//! has a twin that uses the operating system's randomness. The feature `std` (default) makes the crate
//! faster: huge pages for Argon2id, and the processor's vector instructions for base64.
//!
//! The feature `serde` implements its traits for what may be public: [`Envelope`], [`WrappedOrgKey`],
//! [`LockedPrivateKey`], [`EncodedLockedKey`] and [`Fingerprint`], in the base64 texts of the wire.
//! It also accepts JSON values as fields; the feature `secrecy` accepts a `SecretString`.
//!
//! The feature `organization` adds the module of the same name: invitations, join requests and the signed chain of an
//! organization whose vault has no key.
//!
//! Every function that uses a key needs about 64 KiB of stack; 32 KiB of it are wiped afterwards.
//!
//! ```
//! use helvetisafe_crypto::{Envelope, OrgKey, Payload, PayloadKind};
//!
//! # #[cfg(feature = "getrandom")] {
//! let org_key = OrgKey::generate()?;
//!
//! // Writing: name and value go into the envelope, base64 goes to the server.
//! let envelope = org_key.seal(&Payload::encode("db_password", "s3cr3t-v@lue"))?;
//! let (value, nonce) = (envelope.encode_value(), envelope.encode_nonce());
//!
//! // Reading: the server's answer is checked, decrypted in place and parsed.
//! let plaintext = org_key.open(Envelope::decode(&value, &nonce)?)?;
//! let payload = Payload::parse(plaintext, "db_password")?;
//! assert_eq!(payload.kind(), PayloadKind::Single);
//! assert_eq!(payload.expose_secret(), "s3cr3t-v@lue");
//! # }
//! # Ok::<(), helvetisafe_crypto::Error>(())
//! ```

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod aead;
mod encoding;
mod envelope;
mod error;
mod fingerprint;
mod kdf;
mod locked_key;
mod org_key;
#[cfg(feature = "organization")]
pub mod organization;
mod payload;
mod plaintext;
mod private_key;
mod public_key;
mod random;
#[cfg(feature = "serde")]
mod serialize;
mod stack;
mod wrapped_org_key;

pub use envelope::Envelope;
pub use error::{Error, InvalidPem};
pub use fingerprint::Fingerprint;
pub use locked_key::{EncodedLockedKey, LockedPrivateKey};
pub use org_key::OrgKey;
pub use payload::{Field, FieldValue, Payload, PayloadKind};
pub use plaintext::Plaintext;
pub use private_key::PrivateKey;
pub use public_key::PublicKey;
pub use wrapped_org_key::WrappedOrgKey;
// The crates whose types are in signatures.
#[cfg(feature = "serde")]
pub use serde_json;
pub use {rand_core, zeroize};
