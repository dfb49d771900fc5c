//! Tests of errors: their kinds, and the text that they never show.

use super::*;
use proptest::prelude::*;

fn response(status: u16, body: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(body.as_bytes().to_vec());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

#[test]
fn each_status_has_one_kind() {
    let kinds: [(Kind, &[u16]); 9] = [
        (Kind::Auth, &[401]),
        (Kind::Forbidden, &[403]),
        (Kind::NotFound, &[404]),
        (Kind::Conflict, &[409]),
        (Kind::Changed, &[412]),
        (Kind::RateLimited, &[429]),
        (Kind::Unavailable, &[408, 500, 502, 503, 504]),
        (Kind::Rejected, &[400, 405, 410, 413, 415, 418, 422]),
        (Kind::Api, &[200, 204, 301, 304, 308, 501, 505, 599]),
    ];
    for (kind, codes) in kinds {
        for code in codes {
            let status = StatusCode::from_u16(*code).unwrap();
            assert_eq!(Kind::from(status), kind, "{code}");
        }
    }
}

#[test]
fn every_code_has_a_name_a_status_that_is_an_error_and_a_sentence_of_its_own() {
    let codes = ErrorCode::ALL;
    for (place, code) in codes.iter().enumerate() {
        assert_eq!(code.as_str().parse(), Ok(*code));
        assert!(code.status().is_client_error() || code.status().is_server_error());
        for other in &codes[..place] {
            assert_ne!(code.as_str(), other.as_str());
            assert_ne!(code.advice(), other.advice());
        }
    }
    assert_eq!("secret".parse::<ErrorCode>(), Err(UnknownErrorCode));
}

#[test]
fn a_code_counts_only_with_its_status_and_changes_the_kind_of_a_404_alone() {
    for code in ErrorCode::ALL {
        let body = serde_json::json!({ "error": "text", "code": code }).to_string();
        for status in 400..600 {
            let response = response(status, &body);
            let fits = code.status().as_u16() == status;
            let error = ApiError::from_response(&response);
            assert_eq!(error.code(), fits.then_some(*code), "{status}");
            if (status, *code) == (404, ErrorCode::UnknownPath) {
                assert_eq!(error.kind(), Kind::Api);
            } else {
                assert_eq!(error.kind(), Kind::from(response.status()));
            }
            assert_eq!(error.server_text(), Some("text"));
            let error = ApiError::from_token_response(&response);
            assert_eq!(error.code(), fits.then_some(*code), "{status}");
        }
    }
}

#[test]
fn a_code_that_is_unknown_or_no_text_is_none_and_the_rest_is_read() {
    for code in [
        "null",
        "404",
        "-1",
        "1.5",
        "true",
        "[]",
        "[[1],{}]",
        "{\"a\":[1]}",
        "\"\"",
        "\"x\"",
        "\"SECRET_NOT_FOUND\"",
    ] {
        let body = format!("{{\"code\":{code},\"error\":\"text\"}}");
        let error = ApiError::from_response(&response(404, &body));
        assert_eq!(
            (error.code(), error.server_text()),
            (None, Some("text")),
            "{code}"
        );
    }
}

#[test]
fn a_proxys_page_and_an_empty_body_are_errors_like_any_other() {
    for body in [
        "<html><h1>403</h1></html>",
        "",
        "null",
        "[]",
        "[\"text\", \"missing_scope\", null]",
        "{\"error\":5}",
    ] {
        let error = ApiError::from_response(&response(403, body));
        assert_eq!(
            (error.kind(), error.server_text()),
            (Kind::Forbidden, None),
            "{body}"
        );
    }
}

/// A script that takes a 404 for a missing secret creates it.
#[test]
fn a_404_is_about_a_secret_only_if_the_vault_says_so() {
    let about_secret = [
        r#"{"error":"not found"}"#,
        r#" {"error":"","more":1}"#,
        r#"{"error":"x","code":"secret_not_found"}"#,
        r#"{"error":"x","code":"a code of another server"}"#,
    ];
    let others = [
        "",
        "{}",
        "null",
        "not found",
        r#""not found""#,
        r#"["not found", null, null]"#,
        r#"{"detail":"Not Found"}"#,
        r#"{"message":"no Route matched with those values"}"#,
        r#"{"error":{"code":404}}"#,
        r#"{"error":"x","code":"unknown_path"}"#,
        r#"{"timestamp":"2026-11-29","status":404,"error":"Not Found","path":"/x"}"#,
        r#"{"error":"Not Found","status":404}"#,
        "<html><h1>404 Not Found</h1></html>",
    ];
    let kind = |body| ApiError::from_response(&response(404, body)).kind();
    for body in about_secret {
        assert_eq!(kind(body), Kind::NotFound, "{body}");
    }
    for body in others {
        assert_eq!(kind(body), Kind::Api, "{body}");
    }
}

#[test]
fn the_url_of_the_request_is_shown_after_the_status() {
    let url = "https://vault.example/api/v1/api/v1/secrets/a"
        .parse()
        .unwrap();
    let error = ApiError::from_response(&response(404, "")).at(&url);
    assert_eq!(
        error.to_string(),
        "the server answered 404 Not Found at https://vault.example/api/v1/api/v1/secrets/a"
    );
}

#[test]
fn a_403_names_the_missing_scope() {
    let body = r#"{"error":"missing scope: secrets:write."}"#;
    let error = ApiError::from_response(&response(403, body));
    assert_eq!(error.missing_scope(), Some(Scope::SecretsWrite));
    let error = ApiError::from_response(&response(404, body));
    assert_eq!(error.missing_scope(), None);
}

#[test]
fn what_the_server_wrote_is_kept_apart_escaped_and_bounded() {
    let body = format!(r#"{{"error":"\u001b[2J{}"}}"#, "x".repeat(5000));
    let error = ApiError::from_response(&response(500, &body));
    let text = error.server_text().unwrap();
    assert!(text.starts_with("\\u{1b}[2Jxxx"));
    assert_eq!(text.len(), ApiError::MAX_TEXT);
    assert_eq!(
        error.to_string(),
        "the server answered 500 Internal Server Error"
    );
    assert_eq!(
        format!("{error:?}"),
        "ApiError { kind: Unavailable, problem: Status { status: 500, url: None }, .. }"
    );
}

#[test]
fn text_that_reorders_or_hides_is_escaped_and_other_text_is_not() {
    for character in [
        '\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}',
    ] {
        let body = serde_json::json!({ "error": format!("a{character}é") }).to_string();
        let error = ApiError::from_response(&response(500, &body));
        let expected = format!("a{}é", character.escape_default());
        assert_eq!(error.server_text(), Some(expected.as_str()));
    }
}

#[test]
fn a_status_without_a_registered_reason_is_a_number() {
    let error = ApiError::from_response(&response(599, ""));
    assert_eq!(error.to_string(), "the server answered 599");
}

#[test]
fn a_redirect_names_the_host_and_nothing_else() {
    let mut redirect = response(302, "");
    redirect
        .headers_mut()
        .insert(LOCATION, "https://evil.example/a?t=1".parse().unwrap());
    let error = ApiError::from_response(&redirect);
    assert_eq!(error.kind(), Kind::Api);
    assert_eq!(
        error.to_string(),
        "the server answered 302 Found and redirects to evil.example, which is never followed"
    );
}

#[test]
fn the_token_endpoint_shows_known_codes_only() {
    let body = r#"{"error":"invalid_client","error_description":"unknown client"}"#;
    let error = ApiError::from_token_response(&response(401, body));
    assert_eq!(error.kind(), Kind::Auth);
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    assert!(error.to_string().contains("invalid_client"));
    assert_eq!(error.server_text(), Some("unknown client"));
    assert_eq!(error.oauth_code(), Some("invalid_client"));

    let error = ApiError::from_token_response(&response(400, r#"{"error":"s3cr3t"}"#));
    assert_eq!(error.kind(), Kind::Auth);
    assert!(!error.to_string().contains("s3cr3t"));

    assert_eq!(error.server_text(), Some("s3cr3t"), "as data alone");
    assert_eq!(error.oauth_code(), None);

    let error = ApiError::from_token_response(&response(429, ""));
    assert_eq!(error.kind(), Kind::RateLimited);
    let error = ApiError::from_token_response(&response(502, "<html>"));
    assert_eq!(error.kind(), Kind::Unavailable);
}

proptest! {
    #[test]
    fn any_status_and_any_body_make_an_error(status in 100_u16..1000, body in any::<Vec<u8>>()) {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for error in [ApiError::from_response(&response), ApiError::from_token_response(&response)] {
            prop_assert_eq!(error.status(), Some(response.status()));
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_server_text_keeps_a_control_character(text in any::<String>()) {
        prop_assert!(!escaped(&text).chars().any(is_unsafe));
    }
}
