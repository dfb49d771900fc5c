use serde_json::{Value, json};

use super::BODY_LIMIT;
use super::draft::{Draft, Known};
use crate::random::Random;

/// Changes the body; if it is JSON, the result is mostly JSON too.
pub(super) fn spoil(draft: &mut Draft, known: &Known, random: &mut Random) {
    match serde_json::from_slice(&draft.body) {
        Ok(Value::Object(body)) if !random.once_in(4) => {
            draft.body = spoilt_object(body, random).into_bytes();
        }
        _ if draft.body.starts_with(b"grant_type") && !random.once_in(4) => {
            draft.body = spoilt_form(known, random).into_bytes();
        }
        _ => spoil_bytes(draft, random),
    }
}

fn spoilt_object(mut body: serde_json::Map<String, Value>, random: &mut Random) -> String {
    let names: Vec<String> = body.keys().cloned().collect();
    let some = names.iter().map(|name| &**name).chain(["expiresAt", "x"]);
    let name = random.pick(&some.collect::<Vec<_>>()).to_owned();
    match random.below(6) {
        0 => drop(body.remove(&name)),
        1 => drop(body.insert(name, json!(text(random)))),
        2 if random.once_in(3) => drop(body.insert("expiresAt".to_owned(), json!(text(random)))),
        2 => drop(body.insert("expiresAt".to_owned(), json!(time(random)))),
        // A duplicate member.
        3 => {
            let whole = Value::Object(body).to_string();
            return whole.replacen('{', &format!("{{{}:{},", json!(name), literal(random)), 1);
        }
        _ => {
            body.insert(name, json!("here"));
            let whole = Value::Object(body).to_string();
            return whole.replace("\"here\"", &literal(random));
        }
    }
    Value::Object(body).to_string()
}

/// Returns the text of a JSON value, or of something similar.
fn literal(random: &mut Random) -> String {
    let deep = 1 + random.below(20_000);
    match random.below(9) {
        0 => format!("{}{}", "[".repeat(deep), "]".repeat(deep)),
        1 => "{\"a\":".repeat(deep.min(9_000)),
        2 => "9".repeat(deep),
        3 => format!("\"{}\"", "\\u0000".repeat(random.below(100))),
        4 => json!(text(random)).to_string(),
        _ => random
            .pick(&[
                "null",
                "true",
                "0",
                "-0",
                "1e999",
                "-1e-999",
                "1.5",
                "NaN",
                "Infinity",
                "0x10",
                "\"\\ud800\"",
                "\"\\x\"",
                "\"",
                "[]",
                "{}",
                "[null]",
                "'a'",
                "",
                "\u{feff}null",
                "18446744073709551616",
                "\"\u{0}\"",
                "\"\\uDEAD\\uD800\"",
            ])
            .to_owned(),
    }
}

fn text(random: &mut Random) -> String {
    let long = "A".repeat(random.below(40_000));
    let wide = wide(random);
    random
        .pick(&[
            "",
            " ",
            "a",
            "theirs",
            "../x",
            "a\n",
            "é",
            "\u{202e}",
            "\u{0}",
            "a/b",
            "%61",
            "AAAA",
            "AAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAAB==",
            "________________",
            "' OR 1=1 --",
            "\"; DROP TABLE secrets",
            &long,
            &wide,
        ])
        .to_owned()
}

fn time(random: &mut Random) -> &'static str {
    random.pick(&[
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "-009999-01-01T00:00:00Z",
        "2100-02-30T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2100-01-01",
        "+275760-09-13T00:00:00Z",
        "2100-01-01T00:00:00+99:99",
        "2100-01-01T24:00:00Z",
        "2100-12-31T23:59:60Z",
        "",
        "now",
        "9999-12-31T23:59:59-23:59",
        "2100-01-01t00:00:00z",
        "10000-01-01T00:00:00Z",
    ])
}

fn spoilt_form(known: &Known, random: &mut Random) -> String {
    let (id, secret) = (&known.client_id, &known.client_secret);
    let long = "secrets:read+".repeat(random.below(4_000));
    match random.below(8) {
        0 => format!("grant_type=password&client_id={id}&client_secret={secret}"),
        1 => format!("grant_type=client_credentials&client_id={id}"),
        2 => format!("grant_type=client_credentials&client_id={id}&client_secret={id}"),
        3 => format!("client_id={id}&client_id={id}&client_secret={secret}"),
        4 => format!(
            "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={long}"
        ),
        5 => "grant_type=client_credentials&client_id=%ff%fe&client_secret=%".to_owned(),
        6 => format!("grant_type=client_credentials&client_id={long}&client_secret=%00"),
        _ => format!(
            "&&=&=a&grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=%zz"
        ),
    }
}

/// An error message that quotes this text must not be cut within a character.
fn wide(random: &mut Random) -> String {
    let (shift, length) = (random.below(4), random.below(500));
    format!("{}{}", "a".repeat(shift), "€".repeat(length))
}

fn spoil_bytes(draft: &mut Draft, random: &mut Random) {
    let length = draft.body.len();
    match random.below(10) {
        0 => draft.body.truncate(random.below(length + 1)),
        1 => draft.body.extend_from_slice(b"garbage"),
        2 => draft.body.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        3 => draft.body = random.bytes(1 + length),
        4 => draft.body = literal(random).into_bytes(),
        5 => draft.body.clear(),
        8 => draft.body = json!(wide(random)).to_string().into_bytes(),
        6 => draft.body.resize(BODY_LIMIT + random.below(3), b' '),
        7 => draft.body.resize(random.below(20 * BODY_LIMIT), b'x'),
        _ => draft.body.insert(random.below(length + 1), 0xff),
    }
}
