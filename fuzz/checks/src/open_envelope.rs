use helvetisafe_crypto::{Envelope, Error, Payload};

use crate::known::{ORG_KEY, Repeatable, flip_a_bit};

/// Opens what a server sent: the data is two lines, the base64 of the value and of the nonce. Then
/// seals the same data, which has to open, and with one bit turned over must not.
pub fn open_envelope(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        open_text(text);
    }
    seal_and_change(data);
}

fn open_text(text: &str) {
    let mut lines = text.lines();
    let value = lines.next().unwrap_or_default();
    let nonce = lines.next().unwrap_or_default();
    let Ok(envelope) = Envelope::decode(value, nonce) else {
        return;
    };
    assert_eq!(envelope.encode_value(), value);
    assert_eq!(envelope.encode_nonce(), nonce);
    match ORG_KEY.open(envelope) {
        Ok(plaintext) => drop(Payload::parse(plaintext, "db")),
        Err(error) => assert_eq!(error, Error::Decryption),
    }
}

fn seal_and_change(plaintext: &[u8]) {
    let sealed = ORG_KEY
        .seal_with_rng(&mut Repeatable::new(), plaintext)
        .unwrap();
    let mut bytes = [sealed.nonce(), sealed.ciphertext_and_tag()].concat();
    assert_eq!(*ORG_KEY.open(sealed).unwrap(), plaintext);

    flip_a_bit(&mut bytes, plaintext);
    let ciphertext_and_tag = bytes.split_off(12);
    let changed = Envelope::from_parts(bytes.try_into().unwrap(), ciphertext_and_tag).unwrap();
    assert_eq!(ORG_KEY.open(changed), Err(Error::Decryption));
}
