use std::collections::BTreeMap;

use helvetisafe_crypto::{Error, FieldValue, Payload, PayloadKind};
use serde_json::value::RawValue;

const KEY: &str = "db";

/// Parses the plaintext of an envelope and compares the result with that of `serde_json`. Then encodes the
/// data as a value and as JSON, which must parse to the same value.
pub fn parse_payload(data: &[u8]) {
    let outcome = Payload::parse(data.to_vec().into(), KEY);
    let Ok(text) = str::from_utf8(data) else {
        assert_eq!(outcome.err(), Some(Error::Payload));
        return;
    };
    if let Ok(payload) = &outcome {
        copy_fields(payload);
    }
    assert_eq!(outcome.map(|payload| parsed(&payload)), expected(text));
    encode_one(text);
    encode_json(text);
    let (name, value) = text.split_once('\n').unwrap_or((text, ""));
    encode_two(name, value);
}

/// Kind, text and fields of a payload, without the order of the fields.
type Parsed = (PayloadKind, String, BTreeMap<String, String>);

fn parsed(payload: &Payload) -> Parsed {
    let fields = payload.fields().iter();
    let fields: BTreeMap<_, _> = fields
        .map(|field| (field.name().to_owned(), field.expose_secret().to_owned()))
        .collect();
    assert_eq!(fields.len(), payload.fields().len(), "each name once");
    (payload.kind(), payload.expose_secret().to_owned(), fields)
}

fn expected(text: &str) -> Result<Parsed, Error> {
    let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else {
        return Ok((PayloadKind::Legacy, text.to_owned(), BTreeMap::new()));
    };
    if let Some(raw) = members.get(KEY) {
        return Ok((PayloadKind::Single, unescape(raw)?, BTreeMap::new()));
    }
    let fields = members
        .into_iter()
        .map(|(name, raw)| Ok((name, unescape(raw)?)));
    let fields = fields.collect::<Result<_, Error>>()?;
    Ok((PayloadKind::MultiField, text.to_owned(), fields))
}

fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

fn unescape(raw: &RawValue) -> Result<String, Error> {
    if is_string(raw) {
        serde_json::from_str(raw.get()).map_err(|_| Error::Payload)
    } else {
        Ok(raw.get().to_owned())
    }
}

fn encode_one(value: &str) {
    let plaintext = Payload::encode(KEY, value);
    check_members(&plaintext, &[(KEY, value)]);
    let payload = Payload::parse(plaintext, KEY).unwrap();
    assert_eq!(
        (payload.kind(), payload.expose_secret()),
        (PayloadKind::Single, value)
    );
}

fn encode_two(name: &str, value: &str) {
    let fields = [(name, value), ("second", name)];
    let plaintext = Payload::encode_fields(&fields);
    check_members(&plaintext, &fields);
}

/// Checks that a copy of the fields has the same values of the same types.
fn copy_fields(payload: &Payload) {
    if payload.kind() != PayloadKind::MultiField {
        return;
    }
    let fields: Vec<_> = payload.fields().iter().map(|it| (it.name(), it)).collect();
    let copy = Payload::parse(Payload::encode_fields(&fields), KEY).unwrap();
    let shown = |payload: &Payload| {
        let fields = payload.fields().iter();
        let shown = fields.map(|it| {
            (
                it.name().to_owned(),
                it.expose_secret().to_owned(),
                it.is_text(),
            )
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(shown(&copy), shown(payload));
}

/// Checks that a value that is accepted as JSON is read again.
fn encode_json(json: &str) {
    let Ok(value) = FieldValue::json(json) else {
        return;
    };
    let plaintext = Payload::encode_fields(&[("field", value)]);
    let payload = Payload::parse(plaintext, KEY).unwrap();
    let [field] = payload.fields() else {
        unreachable!("one field was written");
    };
    assert_eq!(field.is_text(), json.trim().starts_with('"'));
    assert!(field.is_text() || field.expose_secret() == json.trim());
}

/// Checks that `serde_json` reads these members. It reads a map of strings, since a [`serde_json::Value`]
/// misinterprets the member name that `serde_json` reserves for [`RawValue`].
fn check_members(json: &[u8], members: &[(&str, &str)]) {
    let read: BTreeMap<String, String> = serde_json::from_slice(json).unwrap();
    let read: BTreeMap<_, _> = read
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(read, members.iter().copied().collect());
}
