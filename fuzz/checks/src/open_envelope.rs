use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_crypto::{Envelope, Error, OrgKey, Payload};
use helvetisafe_proto::endpoint::GetSecret;
use helvetisafe_proto::{Endpoint, KeyName};
use http::Response;

use crate::fixtures::{ORG_KEY, SplitMix64, TESTKIT_ORG_KEY, flip_a_bit};

/// Opens an envelope from a server. The data is an answer, or two lines with the base64 of the value and of
/// the nonce. Then seals the data, which must open, and must not open with one bit flipped.
pub fn open_envelope(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let mut lines = text.lines();
        open(
            &ORG_KEY,
            lines.next().unwrap_or_default(),
            lines.next().unwrap_or_default(),
        );
    }
    let key = KeyName::parse("db").unwrap();
    if let Ok(answer) = (GetSecret { key }).parse(Response::new(data.to_vec())) {
        open(&TESTKIT_ORG_KEY, &answer.value, &answer.nonce);
    }
    seal_and_change(data);
}

fn open(org_key: &OrgKey, value: &str, nonce: &str) {
    let decoded = Envelope::decode(value, nonce);
    assert_eq!(
        decoded.as_ref().ok(),
        decode_with_base64(value, nonce).as_ref()
    );
    let Ok(envelope) = decoded else {
        return;
    };
    let bytes = envelope.to_bytes();
    assert_eq!(Envelope::from_bytes(&bytes).as_ref(), Ok(&envelope));
    assert_eq!(envelope.encode_value(), value);
    assert_eq!(envelope.encode_nonce(), nonce);
    match org_key.open(envelope) {
        Ok(plaintext) => drop(Payload::parse(plaintext, "db")),
        Err(error) => assert_eq!(error, Error::Decryption),
    }
}

/// Decodes with another implementation of base64.
fn decode_with_base64(value: &str, nonce: &str) -> Option<Envelope> {
    let nonce = BASE64_STANDARD.decode(nonce).ok()?.try_into().ok()?;
    Envelope::from_parts(nonce, BASE64_STANDARD.decode(value).ok()?).ok()
}

fn seal_and_change(plaintext: &[u8]) {
    let sealed = ORG_KEY
        .seal_with_rng(&mut SplitMix64::new(), plaintext)
        .unwrap();
    let mut bytes = [sealed.nonce(), sealed.ciphertext_and_tag()].concat();
    assert_eq!(&*ORG_KEY.open(sealed).unwrap(), plaintext);

    flip_a_bit(&mut bytes, plaintext);
    let ciphertext_and_tag = bytes.split_off(12);
    let changed = Envelope::from_parts(bytes.try_into().unwrap(), ciphertext_and_tag).unwrap();
    assert_eq!(ORG_KEY.open(changed).err(), Some(Error::Decryption));
}
