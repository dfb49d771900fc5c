use std::collections::BTreeMap;

use helvetisafe_crypto::{Error, Payload, PayloadKind};
use serde_json::value::RawValue;

const KEY: &str = "db";

/// Parses what was in an envelope, and compares with what `serde_json` says about the same bytes.
/// Then takes the data as a value to encode, which has to come back.
pub fn parse_payload(data: &[u8]) {
    let outcome = Payload::parse(data.to_vec().into(), KEY);
    let Ok(text) = str::from_utf8(data) else {
        assert_eq!(outcome.err(), Some(Error::Payload));
        return;
    };
    assert_eq!(outcome.map(|payload| seen(&payload)), expected(text));
    encode_one(text);
    let (name, value) = text.split_once('\n').unwrap_or((text, ""));
    encode_two(name, value);
}

/// Kind, text and fields. Fields are compared without their order, which a map does not keep.
type Seen = (PayloadKind, String, BTreeMap<String, String>);

fn seen(payload: &Payload) -> Seen {
    let fields = payload.fields().iter();
    let fields: BTreeMap<_, _> = fields
        .map(|field| (field.name().to_owned(), field.expose_secret().to_owned()))
        .collect();
    assert_eq!(fields.len(), payload.fields().len(), "each name once");
    (payload.kind(), payload.expose_secret().to_owned(), fields)
}

fn expected(text: &str) -> Result<Seen, Error> {
    let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
        return Ok((PayloadKind::Legacy, text.to_owned(), BTreeMap::new()));
    };
    if let Some(raw) = members.get(KEY).filter(|raw| is_string(raw)) {
        return Ok((PayloadKind::Single, meaning(raw)?, BTreeMap::new()));
    }
    let fields = members
        .into_iter()
        .map(|(name, raw)| Ok((name, meaning(raw)?)));
    let fields = fields.collect::<Result<_, Error>>()?;
    Ok((PayloadKind::MultiField, text.to_owned(), fields))
}

fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

fn meaning(raw: &RawValue) -> Result<String, Error> {
    if is_string(raw) {
        serde_json::from_str(raw.get()).map_err(|_| Error::Payload)
    } else {
        Ok(raw.get().to_owned())
    }
}

fn encode_one(value: &str) {
    let plaintext = Payload::encode(KEY, value);
    holds(&plaintext, &[(KEY, value)]);
    let payload = Payload::parse(plaintext, KEY).unwrap();
    assert_eq!(
        (payload.kind(), payload.expose_secret()),
        (PayloadKind::Single, value)
    );
}

fn encode_two(name: &str, value: &str) {
    let fields = [(name, value), ("second", name)];
    let plaintext = Payload::encode_fields(&fields);
    holds(&plaintext, &fields);
}

/// Whether `serde_json` reads these members. As a map of strings: a [`serde_json::Value`] takes the
/// name under which `serde_json` passes a [`RawValue`] on for one, wherever it comes from.
fn holds(json: &[u8], members: &[(&str, &str)]) {
    let read: BTreeMap<String, String> = serde_json::from_slice(json).unwrap();
    let read: BTreeMap<_, _> = read
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(read, members.iter().copied().collect());
}
