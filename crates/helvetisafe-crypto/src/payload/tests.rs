use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(text: &str, key: &str) -> Payload {
    Payload::parse(Plaintext::from(text.as_bytes().to_vec()), key).unwrap()
}

fn fields(payload: &Payload) -> Vec<(&str, &str)> {
    payload
        .fields()
        .iter()
        .map(|field| (field.name(), field.expose_secret()))
        .collect()
}

#[test]
fn the_value_of_the_requested_key_is_the_value() {
    for text in [
        r#"{"db":"v"}"#,
        " {\n \"db\" : \"v\" }\t",
        r#"{"other":"x","db":"v","more":[1,{"a":null}]}"#,
        r#"{"db":"first","db":"v"}"#,
        r#"{"\u0064b":"\u0076"}"#,
    ] {
        let payload = parse(text, "db");
        assert_eq!(
            (payload.kind(), payload.expose_secret()),
            (PayloadKind::Single, "v"),
            "{text}"
        );
        assert!(payload.fields().is_empty());
    }
}

#[test]
fn a_value_without_escapes_stays_where_it_was_decrypted() {
    let plaintext = Plaintext::from(br#"{"db":"value"}"#.to_vec());
    let decrypted = plaintext.as_ptr();
    let payload = Payload::parse(plaintext, "db").unwrap();
    assert_eq!(payload.expose_secret(), "value");
    assert_eq!(payload.expose_secret().as_ptr(), decrypted.wrapping_add(7));
}

#[test]
fn any_other_object_has_fields_and_its_json_as_value() {
    let text = r#"{ "DB_HOST": "h\n", "PORT": 5432, "DB_PASS": "p", "OPT": {"a": [true]} }"#;
    let payload = parse(text, "db");
    assert_eq!(
        (payload.kind(), payload.expose_secret()),
        (PayloadKind::MultiField, text)
    );
    assert_eq!(
        fields(&payload),
        [
            ("DB_HOST", "h\n"),
            ("PORT", "5432"),
            ("DB_PASS", "p"),
            ("OPT", r#"{"a": [true]}"#)
        ]
    );

    assert_eq!(parse("{}", "db").kind(), PayloadKind::MultiField);
}

#[test]
fn a_value_that_is_no_string_is_its_json_text() {
    for (text, value) in [
        (r#"{"db":5432}"#, "5432"),
        (r#"{ "db" : 1.50 }"#, "1.50"),
        (r#"{"d\u0062":-1E5}"#, "-1E5"),
        (r#"{"db":null}"#, "null"),
        (r#"{"db":false}"#, "false"),
        (r#"{"db": [ 1, "\u0041" ] }"#, r#"[ 1, "\u0041" ]"#),
        (r#"{"db":{"db":"inner"}}"#, r#"{"db":"inner"}"#),
        (r#"{"db":"first","db":5}"#, "5"),
    ] {
        let payload = parse(text, "db");
        assert_eq!(
            (payload.kind(), payload.expose_secret()),
            (PayloadKind::Single, value),
            "{text}"
        );
        assert!(payload.fields().is_empty() && payload.is_bound(), "{text}");
    }
    let among = parse(r#"{"a":1,"db":5,"b":2}"#, "db");
    assert_eq!((among.expose_secret(), among.is_bound()), ("5", false));
}

#[test]
fn a_payload_for_another_name_keeps_its_type() {
    for (text, other) in [
        (r#"{"db": 1.50}"#, r#"{"new":1.50}"#),
        (r#"{"db": "1.50"}"#, r#"{"new":"1.50"}"#),
        (r#"{"a": 1, "db": [ 1 ]}"#, r#"{"new":[ 1 ]}"#),
        ("legacy \"", r#"{"new":"legacy \""}"#),
        (r#"{ "A": 5 }"#, r#"{ "A": 5 }"#),
    ] {
        let plaintext = parse(text, "db").encode_for("new");
        assert_eq!(&*plaintext, other.as_bytes(), "{text}");
    }
}

#[test]
fn the_last_of_several_fields_with_one_name_counts() {
    let payload = parse(r#"{"A":"1","B":"2","A":"3","C":"4"}"#, "db");
    assert_eq!(fields(&payload), [("B", "2"), ("A", "3"), ("C", "4")]);
}

#[test]
fn anything_else_is_its_own_text() {
    for text in [
        "",
        "plain",
        "\"json\"",
        "[1]",
        "5",
        "null",
        "{",
        r#"{"db":"v"} x"#,
        "\u{feff}{}",
    ] {
        let payload = parse(text, "db");
        assert_eq!(
            (payload.kind(), payload.expose_secret()),
            (PayloadKind::Legacy, text),
            "{text}"
        );
    }
}

#[test]
fn another_secrets_payload_is_not_bound() {
    assert_eq!(parse(r#"{"b":"v"}"#, "a").kind(), PayloadKind::MultiField);
}

#[test]
fn bytes_that_are_not_text_are_an_error() {
    for bytes in [&b"\xff"[..], b"{\"db\":\"\xc3\"}"] {
        let outcome = Payload::parse(Plaintext::from(bytes.to_vec()), "db");
        assert_eq!(outcome.unwrap_err(), Error::Payload);
    }
    for half in [
        r"\ud800",
        r"\udc00",
        r"\ud800x",
        r"\ud800\n",
        r"\ud800\u0041",
    ] {
        let text = std::format!(r#"{{"db":"{half}"}}"#).into_bytes();
        let outcome = Payload::parse(Plaintext::from(text), "db");
        assert_eq!(outcome.unwrap_err(), Error::Payload, "{half}");
    }
}

#[test]
fn a_surrogate_pair_is_one_character() {
    let payload = parse(
        r#"{"db":"\ud83d\ude00 \u00e9 \/ \b\f\n\r\t\"\\ \uffff"}"#,
        "db",
    );
    assert_eq!(
        payload.expose_secret(),
        "\u{1f600} é / \u{8}\u{c}\n\r\t\"\\ \u{ffff}"
    );
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = std::format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse(&deep, "db").expose_secret(), deep);
}

#[test]
fn setting_a_field_leaves_the_others_unchanged() {
    let payload = parse(r#"{ "HOST": "h\u0041", "PORT": 5432, "X": [ 1.0 ] }"#, "db");
    let set = |name, value| {
        let mut json = payload.encode_with_field(name, value).unwrap();
        assert_eq!(
            json.as_mut_vec().capacity(),
            json.len(),
            "one allocation, no growth"
        );
        std::str::from_utf8(&json).unwrap().to_string()
    };
    assert_eq!(
        set("PORT", "\"1"),
        r#"{"HOST":"h\u0041","PORT":"\"1","X":[ 1.0 ]}"#
    );
    assert_eq!(
        set("NEW", "n"),
        r#"{"HOST":"h\u0041","PORT":5432,"X":[ 1.0 ],"NEW":"n"}"#
    );
    assert!(
        parse(r#"{"db":"v"}"#, "db")
            .encode_with_field("a", "b")
            .is_none()
    );
    assert!(parse("legacy", "db").encode_with_field("a", "b").is_none());
}

#[test]
fn no_debug_shows_a_value() {
    let payload = parse(r#"{"A":"canary","B":"canary"}"#, "db");
    let shown = std::format!("{payload:?} {:?}", payload.fields());
    assert_eq!(
        shown,
        r#"Payload { kind: MultiField, .. } [Field { name: "A", .. }, Field { name: "B", .. }]"#
    );
}

proptest! {
    #[test]
    fn encoding_and_parsing_round_trip(key in "[A-Za-z0-9_]{1,20}", value: String) {
        let mut json = Payload::encode(&key, &value);
        prop_assert_eq!(json.as_mut_vec().capacity(), json.len(), "one allocation, no growth");
        let mut expected = serde_json::Map::new();
        expected.insert(key.clone(), value.clone().into());
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&json).unwrap(), json!(expected));

        let payload = Payload::parse(json, &key).unwrap();
        prop_assert_eq!(payload.kind(), PayloadKind::Single);
        prop_assert_eq!(payload.expose_secret(), value);
    }

    #[test]
    fn encoding_and_parsing_fields_round_trip(names in proptest::collection::btree_set("\\PC{1,8}", 2..6), value: String) {
        let written: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
        let mut json = Payload::encode_fields(&written);
        prop_assert_eq!(json.as_mut_vec().capacity(), json.len(), "one allocation, no growth");
        let payload = Payload::parse(json, "").unwrap();
        prop_assert_eq!(fields(&payload), written);
    }

    /// `lone_value` agrees with `serde_json`, and finds every value without escapes.
    #[test]
    fn a_lone_value_is_what_serde_json_reads(
        key in "[a-z\"\\\\\u{1}é]{0,3}",
        value in "[a-z\"\\\\\n,:{} é]{0,8}",
        space in " {0,2}",
    ) {
        let text = std::format!("{{\"{key}\":{space}\"{value}\"}}");
        let read = serde_json::from_str::<BTreeMap<String, String>>(&text).ok();
        let found = json::lone_value(&text, &key);
        if let Some(place) = &found {
            prop_assert_eq!(&text[place.clone()], &value);
            prop_assert_eq!(read, Some(BTreeMap::from([(key.clone(), value.clone())])));
        }
        let is_plain = !key.chars().chain(value.chars()).any(|c| c < ' ' || c == '"' || c == '\\');
        prop_assert_eq!(found.is_some(), is_plain && space.len() < 2);
    }

    #[test]
    fn unescaping_agrees_with_serde_json(
        raw in r#""([ -!#-\[\]-~é]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}|\\ud83d\\ude0[0-9])*""#
    ) {
        let ours = json::unescape(&raw).ok().map(|text| text.to_string());
        prop_assert_eq!(ours, serde_json::from_str::<String>(&raw).ok());
    }

    #[test]
    fn no_plaintext_causes_a_panic(bytes: Vec<u8>, key: String) {
        let _ = Payload::parse(Plaintext::from(bytes), &key);
    }

    #[test]
    fn no_json_causes_a_panic(text in r#"\{("[a-b\\u0-9]{0,3}":("[ -~]{0,8}"|[0-9]|null|\[\]),?){0,3}\}?"#) {
        let _ = Payload::parse(Plaintext::from(text.into_bytes()), "a");
    }
}

#[test]
fn every_ascii_character_round_trips() {
    let value: String = (0_u8..128).map(char::from).collect();
    let json = Payload::encode("db", &value);
    assert_eq!(Payload::parse(json, "db").unwrap().expose_secret(), value);
    let empty = vec![("a", ""), ("b", "")];
    let payload = Payload::parse(Payload::encode_fields(&empty), "db").unwrap();
    assert_eq!(fields(&payload), empty);
}

#[test]
fn only_a_lone_name_binds() {
    let is_bound = |json: &str| parse_for(json, "key").is_bound();
    assert!(is_bound(r#"{"key":"v"}"#));
    assert!(
        is_bound(r#"{ "\u006bey" : "v\n" }"#),
        "escapes and white space"
    );
    for json in [
        r#"{"key":"v","other":"w"}"#,
        r#"{"other":"w","key":"v"}"#,
        r#"{"other":5}"#,
        r#"{"other":"v"}"#,
        "text",
    ] {
        assert!(!is_bound(json), "{json}");
    }
    let named = parse_for(r#"{"key":"v","other":"w"}"#, "key");
    assert_eq!(
        (named.kind(), named.expose_secret()),
        (PayloadKind::Single, "v")
    );
    assert_eq!(named.other_names().collect::<Vec<_>>(), ["other"]);
    for json in [
        r#"{"key":"v"}"#,
        r#"{"key":5}"#,
        r#"{"a":"v","b":"w"}"#,
        "text",
    ] {
        assert_eq!(parse_for(json, "key").other_names().next(), None, "{json}");
    }
}

fn parse_for(json: &str, key: &str) -> Payload {
    Payload::parse(json.as_bytes().to_vec().into(), key).unwrap()
}

#[test]
fn fields_have_any_json_type_and_keep_it_in_a_copy() {
    let fields = [
        ("host", FieldValue::from("h\"")),
        ("port", 587.into()),
        ("tls", true.into()),
        ("tags", FieldValue::json(" [\"a\", 1] ").unwrap()),
        ("name", FieldValue::json("\"\\u00e9\"").unwrap()),
    ];
    let json = r#"{"host":"h\"","port":587,"tls":true,"tags":["a", 1],"name":"\u00e9"}"#;
    let plaintext = Payload::encode_fields(&fields);
    assert_eq!(&*plaintext, json.as_bytes());
    let payload = Payload::parse(plaintext, "db").unwrap();
    let are_texts: Vec<_> = payload.fields().iter().map(Field::is_text).collect();
    assert_eq!(are_texts, [true, false, false, false, true]);
    let copied: Vec<_> = payload.fields().iter().map(|it| (it.name(), it)).collect();
    let copy = Payload::encode_fields(&copied);
    assert_eq!(&*copy, json.replace("\\u00e9", "é").as_bytes());
    let changed = payload.encode_with_field("port", 25).unwrap();
    assert_eq!(&*changed, json.replace("587", "25").as_bytes());
}

#[test]
fn a_field_that_is_not_json_is_refused() {
    for json in ["", "a", "1 2", "{", "\"\\ud800\"", "01", "NaN"] {
        assert_eq!(FieldValue::json(json).err(), Some(Error::Json), "{json}");
    }
    let value = FieldValue::from("canary");
    assert_eq!(std::format!("{value:?}"), "FieldValue { .. }");
}

#[cfg(feature = "serde")]
#[test]
fn a_json_value_is_a_field() {
    let value = serde_json::json!({"a": [1, "\"é"]});
    let plaintext = Payload::encode_fields(&[("f", &value)]);
    assert_eq!(&*plaintext, r#"{"f":{"a":[1,"\"é"]}}"#.as_bytes());
}
