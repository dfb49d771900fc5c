//! Reads a secret and founds an organization without the standard library. If a dependency of `helvetisafe-crypto` linked `std`,
//! there would be two panic handlers, and this would not build.

#![no_std]
#![no_main]

extern crate alloc;

mod organization;
mod runtime;

use helvetisafe_crypto::{
    Envelope, Error, LockedPrivateKey, OrgKey, Payload, PayloadKind, PrivateKey, WrappedOrgKey,
};
use runtime::Counter;

/// The org key and a sealed `{"db": "..."}` of `../tests/data/peer-vectors.json`.
const ORG_KEY: [u8; 32] = [
    0x99, 0x14, 0x7e, 0x7f, 0xbd, 0x99, 0xc6, 0x36, 0xb4, 0xa0, 0xd7, 0x17, 0x99, 0xf7, 0x3e, 0xc1,
    0x39, 0xe9, 0x94, 0x19, 0x8b, 0x10, 0x38, 0xd5, 0x41, 0xee, 0xe3, 0xf7, 0x9c, 0xf0, 0xea, 0x7d,
];
const VALUE: &str = "9GRmsYhfbn+BZrQEp43HvR2R95+mSC6nTt6RXK8oIga+ffwWUas=";
const NONCE: &str = "Cq92vrINpVhg7uOj";
const EXPECTED: &str = "s3cr3t-v@lue";

const PEM: &str = include_str!("../../tests/data/rsa-2048-pkcs8.pem");

/// The entry point that the C library calls. Returns 0 on success, else 1.
// SAFETY: no other function of this program is named `main`.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    match read_a_secret() {
        Ok(true) if organization::found_and_join().is_some() => 0,
        _ => 1,
    }
}

/// Unlocks the private key, unwraps the org key, opens the envelope and parses the payload.
fn read_a_secret() -> Result<bool, Error> {
    let rng = &mut Counter(0);
    let key = PrivateKey::from_pem(PEM)?;
    let locked = LockedPrivateKey::lock_with_rng(rng, &key, "password")?;
    let key = LockedPrivateKey::decode(&locked.encode())?.unlock("password")?;

    let wrapped = key
        .public_key()
        .wrap_org_key_with_rng(rng, &OrgKey::from_bytes(&ORG_KEY))?;
    let wrapped = WrappedOrgKey::decode(&wrapped.encode())?;
    let org_key = key.unwrap_org_key_with_rng(rng, &wrapped)?;

    let plaintext = org_key.open(Envelope::decode(VALUE, NONCE)?)?;
    let payload = Payload::parse(plaintext, "db")?;
    Ok(payload.kind() == PayloadKind::Single && payload.expose_secret() == EXPECTED)
}
