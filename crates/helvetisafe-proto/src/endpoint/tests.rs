//! Tests of the requests and answers of each call.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::{KeyName, Kind, Scopes, Time, Version};

fn base() -> BaseUrl {
    BaseUrl::parse("https://vault.example/t/").unwrap()
}

fn key(name: &str) -> KeyName {
    KeyName::parse(name).unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Response<Vec<u8>> {
    let mut response = Response::new(body.into());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    response
}

fn sent(request: &Request<Vec<u8>>) -> (String, Value) {
    let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
    (format!("{} {}", request.method(), request.uri()), body)
}

#[test]
fn the_token_request_is_a_form() {
    let client_secret = SecretString::from("s &=+é");
    let call = FetchToken {
        client_id: "a b",
        client_secret: &client_secret,
        scopes: &Scopes::ALL.into(),
    };
    let request = call.request(&base());
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://vault.example/t/oauth/token");
    assert_eq!(
        request.headers()[CONTENT_TYPE],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(
        std::str::from_utf8(request.body()).unwrap(),
        "grant_type=client_credentials&client_id=a+b&client_secret=s+%26%3D%2B%C3%A9\
         &scope=secrets%3Aread+secrets%3Awrite+secrets%3Adelete+secrets%3Alist+credentials%3Aread"
    );
    assert_eq!(
        request.body().capacity(),
        request.body().len() + 1,
        "one allocation, no growth"
    );
}

#[test]
fn no_debug_of_the_token_call_shows_a_secret() {
    let client_secret = SecretString::from("canary");
    let call = FetchToken {
        client_id: "account",
        client_secret: &client_secret,
        scopes: &Scopes::from([Scope::SecretsRead]).into(),
    };
    assert_eq!(
        format!("{call:?}"),
        r#"FetchToken { client_id: "account", scopes: ScopeList("secrets:read"), .. }"#
    );
    let answer: TokenAnswer =
        serde_json::from_str(r#"{"access_token":"canary","expires_in":60}"#).unwrap();
    assert_eq!(
        format!("{answer:?}"),
        "TokenAnswer { expires_in: Some(60s), .. }"
    );
}

#[test]
fn an_answer_is_an_object_in_utf_8() {
    let right = br#" {"encrypted_org_key": "AAAA", "more": "x"}"#.to_vec();
    assert!(GetOrgKey.parse(answer(200, right.clone())).is_ok());
    let not_utf8 = right
        .iter()
        .map(|&byte| if byte == b'x' { 0xff } else { byte });
    for malformed in [br#"["AAAA"]"#.to_vec(), not_utf8.collect()] {
        assert!(GetOrgKey.parse(answer(200, malformed)).is_err());
    }
}

#[test]
fn a_token_answer_needs_only_the_token() {
    let client_secret = SecretString::from("s");
    let call = FetchToken {
        client_id: "a",
        client_secret: &client_secret,
        scopes: &Scopes::ALL.into(),
    };
    let token = call
        .parse(answer(200, r#"{"access_token":"abc"}"#))
        .unwrap();
    assert_eq!(
        (token.token.expose_secret(), token.life),
        ("abc", Duration::from_secs(3600))
    );
    assert_eq!(token.granted, None);

    let full = r#"{"access_token":"abc","expires_in":60,"token_type":"bearer","x":[{}],
                   "scope":"secrets:read other:scope"}"#;
    let token = call.parse(answer(200, full)).unwrap();
    assert_eq!(token.life, Duration::from_secs(60));
    assert_eq!(token.granted, Some(Scopes::from([Scope::SecretsRead])));

    for malformed in [
        "{}",
        "<html>",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a\nb"}"#,
        r#"{"access_token":"a","access_token":"b"}"#,
        r#"{"access_token":"a","expires_in":"soon"}"#,
        r#"{"access_token":"a","expires_in":"nan"}"#,
        r#"{"access_token":"a","expires_in":[60]}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
    ] {
        let error = call.parse(answer(200, malformed)).unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (Kind::Api, None),
            "{malformed}"
        );
    }
}

/// The published client reads `int(expires_in)` and no `scope`.
#[test]
fn a_lifetime_and_scopes_are_read_leniently() {
    let client_secret = SecretString::from("s");
    let call = FetchToken {
        client_id: "a",
        client_secret: &client_secret,
        scopes: &Scopes::ALL.into(),
    };
    let token = |member: &str| {
        let body = format!(r#"{{"access_token":"abc",{member}}}"#);
        call.parse(answer(200, body)).unwrap()
    };
    for (json, seconds) in [
        ("null", 3600),
        ("60", 60),
        ("60.9", 60),
        ("0", 0),
        ("-1", 0),
        ("-0.5", 0),
        (r#""60""#, 60),
        (r#"" 60 ""#, 60),
        (r#""60.9""#, 60),
        (r#""-5""#, 0),
        ("18446744073709551615", u64::MAX),
        ("1e300", u64::MAX),
        ("-1e300", 0),
    ] {
        let life = token(&format!(r#""expires_in":{json}"#)).life;
        assert_eq!(life.as_secs(), seconds, "{json}");
        assert!(life == Duration::MAX || life.subsec_nanos() == 0, "{json}");
    }
    let read = Some(Scopes::from([Scope::SecretsRead]));
    for (json, granted) in [
        (r#""secrets:read other:scope""#, read),
        (r#"["secrets:read","other:scope"]"#, read),
        ("[]", Some(Scopes::NONE)),
        ("null", None),
        ("5", None),
        (r#"["secrets:read",5]"#, None),
        (r#"{"secrets:read":true}"#, None),
    ] {
        let token = token(&format!(r#""scope":{json}"#));
        assert_eq!(token.granted, granted, "{json}");
    }
}

#[test]
fn the_reads_are_bare_gets() {
    let bare = |request: Request<Vec<u8>>| {
        assert!(request.body().is_empty());
        sent(&request).0
    };
    let url = "GET https://vault.example/t/api/v1";
    assert_eq!(
        bare(GetOrgKey.request(&base())),
        format!("{url}/credentials/org-key")
    );
    assert_eq!(
        bare(GetPrivateKey.request(&base())),
        format!("{url}/credentials/private-key")
    );
    let mut list = ListSecrets::default();
    assert_eq!(bare(list.request(&base())), format!("{url}/secrets"));
    for (after, query) in [(None, "limit=7"), (Some("a_B9"), "limit=7&after=a_B9")] {
        let after = after.map(key);
        list.page = Some(Page { limit: 7, after });
        let expected = format!("{url}/secrets?{query}");
        assert_eq!(bare(list.request(&base())), expected);
    }
    let call = GetSecret { key: key("db") };
    assert_eq!(bare(call.request(&base())), format!("{url}/secrets/db"));
}

#[test]
fn a_create_sends_its_expiry_in_mixed_case() {
    let mut secret = NewSecret {
        key: key("db"),
        value: "dg==".into(),
        nonce: "bg==".into(),
        expires_at: None,
        key_epoch: None,
    };
    let (line, body) = sent(
        &CreateSecret {
            secret: secret.clone(),
        }
        .request(&base()),
    );
    assert_eq!(line, "POST https://vault.example/t/api/v1/secrets");
    assert_eq!(body, json!({"key": "db", "value": "dg==", "nonce": "bg=="}));

    secret.expires_at = Some(at("2027-01-02T03:04:05+01:00"));
    secret.key_epoch = Some(2);
    let (_, body) = sent(&CreateSecret { secret }.request(&base()));
    assert_eq!(body["expiresAt"], "2027-01-02T02:04:05Z");
    assert_eq!(body["keyEpoch"], 2);
}

#[test]
fn an_update_keeps_clears_or_sets_the_expiry() {
    let body = |expires_at| {
        let update = SecretUpdate {
            value: "dg==".into(),
            nonce: "bg==".into(),
            expires_at,
            key_epoch: None,
        };
        sent(
            &UpdateSecret {
                key: key("db"),
                update,
                if_match: None,
            }
            .request(&base()),
        )
    };
    let (line, kept) = body(Expiry::Keep);
    assert_eq!(line, "PUT https://vault.example/t/api/v1/secrets/db");
    assert_eq!(kept, json!({"value": "dg==", "nonce": "bg=="}));
    assert_eq!(body(Expiry::Never).1["expiresAt"], Value::Null);
    assert!(
        body(Expiry::Never)
            .1
            .as_object()
            .unwrap()
            .contains_key("expiresAt")
    );
    assert_eq!(
        body(Expiry::At(at("2027-01-02T03:04:05Z"))).1["expiresAt"],
        "2027-01-02T03:04:05Z"
    );
}

#[test]
fn an_update_with_a_version_has_it_in_if_match_and_is_repeated_by_other_rules() {
    let update = |if_match: Option<&str>| UpdateSecret {
        key: key("db"),
        update: SecretUpdate {
            value: "dg==".into(),
            nonce: "bg==".into(),
            expires_at: Expiry::Keep,
            key_epoch: None,
        },
        if_match: if_match.map(|text| text.parse().unwrap()),
    };
    let (always, once) = (update(None), update(Some("v1")));
    assert!(!always.request(&base()).headers().contains_key("if-match"));
    assert_eq!(once.request(&base()).headers()["if-match"], "\"v1\"");
    let rules = (always.repeat(), once.repeat());
    assert_eq!(rules, (Repeat::Update, Repeat::UpdateIf));
}

/// Other servers may have a member of this name that means something else.
#[test]
fn a_version_that_is_none_is_ignored() {
    let call = GetSecret { key: key("db") };
    for (member, expected) in [
        ("\"v1\"", Some("v1")),
        ("null", None),
        ("1", None),
        ("\"\"", None),
        ("\"a b\"", None),
        ("{\"a\":[1]}", None),
    ] {
        let body = format!(r#"{{"key":"db","value":"dg==","nonce":"bg==","version":{member}}}"#);
        let record = call.parse(answer(200, body)).unwrap();
        let version = record.version.as_ref().map(Version::as_str);
        assert_eq!(version, expected, "{member}");
    }
}

/// Other servers may have a member of this name that means something else.
#[test]
fn an_epoch_that_is_none_is_ignored() {
    for (member, expected) in [
        ("2", Some(2)),
        ("18446744073709551615", Some(u64::MAX)),
        ("null", None),
        ("-1", None),
        ("1.5", None),
        ("\"2\"", None),
        ("{\"a\":[1]}", None),
    ] {
        let key_epoch = format!(r#""key_epoch":{member}"#);
        let record = format!(r#"{{"key":"db","value":"dg==","nonce":"bg==",{key_epoch}}}"#);
        let record = GetSecret { key: key("db") }.parse(answer(200, record));
        assert_eq!(record.unwrap().key_epoch, expected, "{member}");
        let org_key = format!(r#"{{"encrypted_org_key":"dg==",{key_epoch}}}"#);
        let org_key = GetOrgKey.parse(answer(200, org_key));
        assert_eq!(org_key.unwrap().key_epoch, expected, "{member}");
    }
}

/// The server reads with the same types as the client writes.
#[test]
fn an_expiry_is_read_as_it_was_written() {
    let time = at("2027-01-02T03:04:05Z");
    for expires_at in [Expiry::Keep, Expiry::Never, Expiry::from(time)] {
        let update = SecretUpdate {
            value: "dg==".into(),
            nonce: "bg==".into(),
            expires_at,
            key_epoch: None,
        };
        let body = serde_json::to_vec(&update).unwrap();
        assert_eq!(
            serde_json::from_slice::<SecretUpdate>(&body).unwrap(),
            update
        );
    }
    assert_eq!(Expiry::from(time), Expiry::At(time));
    assert_eq!(Expiry::At(time).time(), Some(time));
    assert_eq!(Expiry::Never.time(), None);
    assert_eq!(Expiry::Keep.time(), None);
}

#[test]
fn an_answer_is_asked_for_in_json() {
    let calls = [
        GetOrgKey.request(&base()),
        ListSecrets::default().request(&base()),
        DeleteSecret { key: key("a") }.request(&base()),
    ];
    for request in calls {
        assert_eq!(request.headers()[ACCEPT], "application/json");
    }
}

#[test]
fn a_delete_needs_no_body_in_return() {
    let call = DeleteSecret { key: key("db") };
    assert_eq!(
        sent(&call.request(&base())).0,
        "DELETE https://vault.example/t/api/v1/secrets/db"
    );
    for body in ["", "{}", r#"{"deleted":true}"#] {
        assert!(call.parse(answer(200, body)).is_ok(), "{body}");
    }
    assert!(call.parse(answer(204, "")).is_ok());
    let login = call.parse(answer(200, "<html>Please log in</html>"));
    assert_eq!(login.unwrap_err().status(), None);
    let missing = call.parse(answer(404, r#"{"error":"not found"}"#));
    assert_eq!(missing.unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn times_come_with_z_or_an_offset_and_with_or_without_fractions() {
    for (time, expected) in [
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2025-01-01T00:00:00+00:00", "2025-01-01T00:00:00Z"),
        (
            "2025-01-01T00:00:00.123456+00:00",
            "2025-01-01T00:00:00.123456Z",
        ),
    ] {
        let body = format!(r#"{{"keys":[{{"key":"a","created_at":"{time}","updated_at":null}}]}}"#);
        let row = list(body).remove(0);
        assert_eq!(row.created_at, Time::At(at(expected)));
        assert!(row.updated_at.is_absent() && row.expires_at.is_absent());
    }
}

/// Reads a list that is one page.
fn list(body: impl AsRef<str>) -> Vec<ListedSecret> {
    let response = answer(200, body.as_ref().to_owned());
    let answer = ListSecrets::default().parse(response).unwrap();
    assert!(!answer.has_more);
    answer.keys
}

#[test]
fn a_page_shows_if_more_follow() {
    for (member, expected) in [
        (r#","has_more":true"#, true),
        (r#","has_more":false"#, false),
        ("", false),
    ] {
        let body = format!(r#"{{"keys":[{{"key":"a"}}]{member}}}"#);
        let answer = ListSecrets::default().parse(answer(200, body)).unwrap();
        assert_eq!(answer.has_more, expected);
    }
}

#[test]
fn a_page_follows_the_one_before() {
    let next = |after: Option<&str>, keys: &[&str], has_more| {
        let body = json!({ "keys": keys.iter().map(|key| json!({ "key": key })).collect::<Vec<_>>(),
                           "has_more": has_more });
        let answer = ListSecrets::default()
            .parse(answer(200, body.to_string()))
            .unwrap();
        let page = Page {
            limit: 2,
            after: after.map(key),
        };
        page.next(&answer)
            .map(|page| page.map(|page| page.after.unwrap().to_string()))
    };
    assert_eq!(next(None, &["a", "b"], true).unwrap(), Some("b".into()));
    assert_eq!(next(Some("b"), &["c"], true).unwrap(), Some("c".into()));
    assert_eq!(next(Some("b"), &["c"], false).unwrap(), None);
    assert_eq!(next(Some("b"), &[], false).unwrap(), None);
    // A server that does not know pages returns all, in its own order.
    assert_eq!(next(None, &["b", "a"], false).unwrap(), None);
    for (after, keys, has_more) in [
        (Some("b"), &["b"][..], true),
        (Some("b"), &["a"], false),
        (Some("b"), &["c", "c"], true),
        (None, &["b", "a"], true),
        (None, &[], true),
        (None, &["not a name"], true),
    ] {
        assert!(next(after, keys, has_more).is_err(), "{after:?} {keys:?}");
    }
}

#[test]
fn pages_are_announced_by_a_header() {
    let mut headers = http::HeaderMap::new();
    assert!(!announces_paging(&headers));
    for (value, expected) in [("1", true), ("0", false), ("", false)] {
        headers.insert(PAGING, value.parse().unwrap());
        assert_eq!(announces_paging(&headers), expected, "{value}");
    }
}

#[test]
fn an_empty_list_is_a_list() {
    for body in [r#"{"keys":[]}"#, "{}", r#"{"more":[{"key":"a"}]}"#] {
        assert_eq!(list(body), [], "{body}");
    }
}

#[test]
fn an_odd_time_spoils_nothing_but_itself() {
    let body = r#"{"keys":[{"key":"a","created_at":"2025-01-01","expires_at":"9999-12-31T23:59:59Z"},
                           {"key":"b","created_at":"soon","updated_at":"","expires_at":5}]}"#;
    let [a, b] = &list(body)[..] else {
        unreachable!("two secrets")
    };
    assert_eq!(a.created_at, Time::At(at("2025-01-01T00:00:00Z")));
    assert_eq!(a.expires_at, Time::Clamped(Timestamp::MAX));
    assert_eq!(
        (b.created_at, b.updated_at, b.expires_at),
        (Time::Unreadable, Time::Absent, Time::Unreadable)
    );
    let body = r#"{"key":"a","value":"AA==","nonce":"AA==","expires_at":"soon"}"#;
    let record = GetSecret { key: key("a") }.parse(answer(200, body));
    assert_eq!(record.unwrap().expires_at, Time::Unreadable);
}

#[test]
fn a_bad_name_in_the_list_does_not_hide_the_others() {
    let body = r#"{"keys":[{"key":"../x"},{"key":"ok"}]}"#;
    let rows = list(body);
    assert_eq!(
        rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(),
        ["../x", "ok"]
    );
}

#[test]
fn an_answer_for_another_key_is_refused() {
    let call = GetSecret { key: key("a") };
    let body = r#"{"key":"b","value":"dg==","nonce":"bg=="}"#;
    assert_eq!(call.parse(answer(200, body)).unwrap_err().kind(), Kind::Api);
}

#[test]
fn deep_nesting_is_accepted_and_duplicate_members_are_refused() {
    let deep = format!(
        r#"{{"keys":[],"x":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(list(deep), []);
    let deep = format!(
        r#"{{"keys":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(ListSecrets::default().parse(answer(200, deep)).is_err());
    assert!(
        ListSecrets::default()
            .parse(answer(200, r#"{"keys":[],"keys":[]}"#))
            .is_err()
    );
}

proptest! {
    #[test]
    fn no_answer_makes_a_call_panic(status in 100_u16..600, body in any::<Vec<u8>>()) {
        parse_all(&answer(status, body));
    }

    #[test]
    fn no_json_answer_makes_a_call_panic(
        body in "\\{(\"(key|keys|value|nonce|access_token|expires_at)\":(\"[ -~]{0,9}\"|[0-9]|null|\\[\\]),?){0,4}\\}"
    ) {
        parse_all(&answer(200, body));
    }

    #[test]
    fn what_is_stored_is_what_is_read(value in "[A-Za-z0-9+/]{0,40}={0,2}", seconds in 0_i64..4_000_000_000) {
        let record = SecretRecord {
            key: key("db"),
            value,
            nonce: "AAAAAAAAAAAAAAAA".into(),
            expires_at: Timestamp::from_second(seconds).unwrap().into(),
            updated_at: Timestamp::from_second(seconds / 2).ok().into(),
            version: (seconds % 2 == 0).then(|| Version::from(seconds.unsigned_abs())),
            key_epoch: (seconds % 3 == 0).then_some(seconds.unsigned_abs()),
        };
        let body = serde_json::to_vec(&record).unwrap();
        let call = GetSecret { key: key("db") };
        prop_assert_eq!(call.parse(answer(200, body)).unwrap(), record);
    }
}

/// It is cut out of the body where it stands as it is, and else unescaped.
#[test]
fn a_value_is_read_wherever_it_stands() {
    let call = GetSecret { key: key("db") };
    for (body, value) in [
        (r#"{"key":"db","value":"AAAA","nonce":"n"}"#, "AAAA"),
        (
            r#" { "value" : "A+/=" , "nonce":"n","x":["value"],"key":"db"} "#,
            "A+/=",
        ),
        (r#"{"nonce":"n","key":"db","value":""}"#, ""),
        (
            r#"{"nonce":"n","key":"db","value":"A\/A\u003d","é":1}"#,
            "A/A=",
        ),
    ] {
        let record = call.parse(answer(200, body)).unwrap();
        assert_eq!(
            (record.value.as_str(), record.nonce.as_str()),
            (value, "n"),
            "{body}"
        );
    }
}

fn parse_all(response: &Response<Vec<u8>>) {
    let client_secret = SecretString::from("s");
    let token = FetchToken {
        client_id: "a",
        client_secret: &client_secret,
        scopes: &Scopes::ALL.into(),
    };
    let (secret, update) = (
        NewSecret {
            key: key("a"),
            value: String::new(),
            nonce: String::new(),
            expires_at: None,
            key_epoch: None,
        },
        SecretUpdate {
            value: String::new(),
            nonce: String::new(),
            expires_at: Expiry::Keep,
            key_epoch: None,
        },
    );
    let outcomes = [
        token.parse(response.clone()).is_ok(),
        GetOrgKey.parse(response.clone()).is_ok(),
        GetPrivateKey.parse(response.clone()).is_ok(),
        ListSecrets::default().parse(response.clone()).is_ok(),
        GetSecret { key: key("a") }.parse(response.clone()).is_ok(),
        CreateSecret { secret }.parse(response.clone()).is_ok(),
        UpdateSecret {
            key: key("a"),
            update,
            if_match: None,
        }
        .parse(response.clone())
        .is_ok(),
        DeleteSecret { key: key("a") }
            .parse(response.clone())
            .is_ok(),
    ];
    assert!(response.status().is_success() || outcomes == [false; 8]);
}

#[test]
fn a_body_that_ends_early_is_truncated_only_where_its_length_was_not_known() {
    let parse = |length: Option<&str>, body: &str| {
        let mut response = answer(200, body);
        if let Some(length) = length {
            response
                .headers_mut()
                .insert(CONTENT_LENGTH, length.parse().unwrap());
        }
        ListSecrets::default()
            .parse(response)
            .unwrap_err()
            .is_truncated()
    };
    let whole = r#"{"keys":[{"key":"a"}]}"#;
    for length in 0..whole.len() {
        assert!(parse(None, &whole[..length]), "{length}");
        assert!(!parse(Some(&length.to_string()), &whole[..length]));
    }
    assert!(!parse(None, "<html>"));
    assert!(!parse(None, r#"{"keys":5}"#));
}

/// The calls of an organization: their paths, the credential of the call itself, and their answers.
mod organization {
    use secrecy::SecretString;

    use super::*;
    use crate::endpoint::organization::*;
    use crate::{Endpoint, Hex, Scope};

    #[test]
    fn ids_stand_in_the_path_and_pages_in_the_query() {
        let id = Hex::from([0xab; 8]);
        let request = ListUnstaged { id, limit: 100 }.request(&base());
        assert_eq!(
            request.uri(),
            "https://vault.example/t/api/v1/organization/rotations/abababababababab/secrets?limit=100"
        );
        let request = RevokeApiToken { id }.request(&base());
        assert_eq!(request.method(), Method::DELETE);
        assert_eq!(
            request.uri(),
            "https://vault.example/t/api/v1/account/tokens/abababababababab"
        );
        let request = GetChain { from: 7 }.request(&base());
        assert!(
            request
                .uri()
                .to_string()
                .ends_with("/organization/chain?from=7")
        );
    }

    #[test]
    fn an_invited_person_authenticates_with_the_token_of_the_invitation() {
        let token = SecretString::from("t0ken");
        let request = GetInvitation { token }.request(&base());
        let header = &request.headers()[http::header::AUTHORIZATION];
        assert_eq!(header, "Bearer t0ken");
        assert!(header.is_sensitive());
        assert_eq!(GetInvitation::SCOPE, None);
    }

    #[test]
    fn an_invitation_is_flat_in_its_record() {
        let body = json!({
            "id": "cd".repeat(32),
            "name": "bob",
            "scopes": "secrets:read organization:write",
            "expires_at": "2030-01-01T00:00:00Z",
            "sealed": {"key_epoch": 1, "nonce": "AAAA", "value": "BBBB", "signature": "CCCC"},
            "invited_by": "ada",
            "created_at": "2029-01-01T00:00:00Z",
        });
        let answer = json!({ "invitations": [body] }).to_string();
        let parsed = ListInvitations.parse(super::answer(200, answer)).unwrap();
        assert_eq!(parsed.invitations[0].invitation.name, "bob");
        assert_eq!(serde_json::to_value(&parsed.invitations[0]).unwrap(), body);
    }

    #[test]
    fn administrative_scopes_are_not_in_the_default_set() {
        assert_eq!(Scopes::ALL, Scope::ALL.iter().copied().collect());
        for &scope in Scope::ADMINISTRATIVE {
            assert!(!Scopes::default().contains(scope), "{scope}");
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(Scopes::from(scope).to_string(), scope.as_str());
        }
        assert_eq!(Scope::ALL.len() + Scope::ADMINISTRATIVE.len(), 9);
    }
}
