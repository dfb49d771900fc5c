//! Messages name what they are about: the host, the name, the limit, and the setting that would help.

use std::time::Duration;

use helvetisafe::{
    BodyLimits, Client, Credentials, ErrorKind, Expiry, KeySource, Scope, SecretString, Setting,
    Timeouts, Written,
};
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::{
    Action, PEM, SECRETS, TOKEN, World, answer, credentials, server, tls_server,
};

const A: &str = "/api/v1/secrets/a";

#[test]
fn the_host_that_cannot_be_reached_is_named() {
    let url = server::closed_url();
    let host = url.strip_prefix("http://").unwrap();
    let client = Client::builder(&url, Credentials::api_token("t"), KeySource::pem(PEM));
    let error = client.attempts(1).connect().unwrap_err();
    let message = error.to_string();
    let expected = format!(
        "cannot get the org key: the vault could not be reached; nothing was sent ({host}: "
    );
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(error.transport_error().unwrap().host(), Some(host));
    assert_eq!(error.transport_error().unwrap().proxy(), None);
}

#[test]
fn the_host_is_named_whatever_the_failure() {
    for (action, part) in [
        (Action::Close, "the connection"),
        (Action::Raw(b"no HTTP\r\n\r\n".to_vec()), "not HTTP"),
        (
            Action::Raw(b"HTTP/1.1 200 OK\r\n\r\n{".to_vec()),
            "ends early",
        ),
    ] {
        let world = World::new(move |seen, _| seen.is("GET", A).then(|| action.clone()));
        let client = world.builder().attempts(1).connect().unwrap();
        let message = client.secrets().get("a").unwrap_err().to_string();
        let url = world.proxy.base_url();
        let host = url.strip_prefix("http://").unwrap();
        assert!(
            message.contains(part) && message.contains(host),
            "{message}"
        );
    }
}

#[test]
fn an_invalid_name_is_named_escaped_and_bounded() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let error = secrets.get("my\u{1b}[2J key").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "invalid configuration: `my\\u{1b}[2J key` is not the name of a secret: the name of a secret has \
         only letters, digits and underscores, not '\\u{1b}' (at byte 2)"
    );
    let error = secrets.put("my key", "a value", None).unwrap_err();
    assert!(error.to_string().contains("`my key`"), "{error}");
    // It may be a value, and the value the name.
    let error = secrets.put("my key", "value", None).unwrap_err();
    assert!(!error.to_string().contains("my key"), "{error}");
    let long = "x".repeat(300);
    let message = secrets.get(&long).unwrap_err().to_string();
    assert!(
        message.contains(&format!("`{}…`", "x".repeat(64))),
        "{message}"
    );
    // Each of many is named in its own error.
    let errors = secrets.get_many(["one name", "other name"]);
    for (outcome, name) in errors.into_iter().zip(["`one name`", "`other name`"]) {
        assert!(outcome.unwrap_err().to_string().contains(name));
    }
}

#[test]
fn the_field_is_named() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let refused = secrets.create_fields("db", &[("user", "u"), ("db", "v")], None);
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("the field `db` of the secret `db`"),
        "{message}"
    );
    secrets
        .create_fields("db", &[("user", "u"), ("host", "h")], None)
        .unwrap();
    let message = secrets.get_field("db", "pass\n").unwrap_err().to_string();
    assert!(
        message.contains("`db`") && message.contains("`pass\\n`"),
        "{message}"
    );
}

#[test]
fn an_expiry_in_the_past_is_not_sent() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    secrets
        .create_fields("there", &[("one", "v"), ("two", "v")], None)
        .unwrap();
    let past = "2001-01-01T00:00:00Z".parse().unwrap();
    let sent = world.proxy.log().len();
    for (outcome, action) in [
        (
            secrets.create("a", "v", Some(past)),
            "create the secret `a`",
        ),
        (secrets.update("a", "v", past), "update the secret `a`"),
        (
            secrets
                .put("a", "v", Some(past))
                .map(Written::into_metadata),
            "update the secret `a`",
        ),
        (
            secrets.create_fields("a", &[("f", "v")], Some(past)),
            "create the secret `a`",
        ),
        (
            secrets.update_fields("a", &[("f", "v")], Expiry::At(past)),
            "update the secret `a`",
        ),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let message = error.to_string();
        let start =
            format!("cannot {action}: the expiry 2001-01-01T00:00:00Z has passed: it is 20");
        assert!(message.starts_with(&start), "{message}");
        assert!(
            message.ends_with("choose a later expiry, or check the clock"),
            "{message}"
        );
    }
    assert_eq!(world.proxy.log().len(), sent, "nothing was sent");
    let error = secrets
        .set_field("there", "three", "v", Expiry::At(past))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!world.proxy.log().iter().any(|seen| seen.method == "PUT"));
}

#[test]
fn the_limit_that_would_help_is_named() {
    let small = |limits| {
        World::new(|_, _| None)
            .builder()
            .body_limits(limits)
            .connect()
    };
    let limits = BodyLimits {
        secret: 2000,
        ..BodyLimits::default()
    };
    let client = small(limits).unwrap();
    let error = client
        .secrets()
        .create("a", &*"v".repeat(2000), None)
        .unwrap_err();
    assert_eq!(error.setting(), Some(Setting::SecretLimit));
    assert!(
        error.to_string().ends_with("raise `BodyLimits::secret`"),
        "{error}"
    );
    assert!(!error.without_advice().contains("raise"), "{error}");

    let large = |path: &'static str, status| {
        World::new(move |seen, _| {
            seen.is("GET", path)
                .then(|| answer(status, vec![b' '; 5000]))
        })
    };
    let world = large(A, 200);
    let client = world.builder().body_limits(limits).connect().unwrap();
    let error = client.secrets().get("a").unwrap_err();
    assert_eq!(error.setting(), Some(Setting::SecretLimit), "{error}");

    let world = large(SECRETS, 200);
    let limits = BodyLimits {
        list: 100,
        ..BodyLimits::default()
    };
    let client = world.builder().body_limits(limits).connect().unwrap();
    let error = client.secrets().list().unwrap_err();
    assert_eq!(error.setting(), Some(Setting::ListLimit));
    assert!(
        error.to_string().ends_with("raise `BodyLimits::list`"),
        "{error}"
    );
}

#[test]
fn a_timeout_names_its_setting() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let error = client
        .secrets()
        .within(Duration::ZERO)
        .get("a")
        .unwrap_err();
    assert_eq!(error.setting(), Some(Setting::OperationTimeout));
    assert!(
        error.to_string().contains("`Timeouts::operation`"),
        "{error}"
    );
    let none = Timeouts {
        operation: Duration::ZERO,
        ..Timeouts::default()
    };
    let error = world.builder().timeouts(none).connect().unwrap_err();
    assert!(
        error.to_string().contains("the operation timed out"),
        "{error}"
    );
}

#[test]
fn a_limit_of_access_tokens_names_the_setting_that_fetches_fewer() {
    for (body, setting) in [
        ("{}", Some(Setting::Resume)),
        (
            r#"{"error":"x","code":"too_many_logins"}"#,
            Some(Setting::Resume),
        ),
        (r#"{"error":"x","code":"too_many_failed_logins"}"#, None),
    ] {
        let limit = move |path| {
            World::new(move |seen, _| {
                let limited = Action::Answer(429, "Retry-After: 120\r\n", body.into());
                seen.is(if path == TOKEN { "POST" } else { "GET" }, path)
                    .then_some(limited)
            })
        };
        let error = limit(TOKEN).builder().attempts(1).connect().unwrap_err();
        assert_eq!(error.setting(), setting, "{error}");
        assert!(error.to_string().contains("try again in 120 s"), "{error}");
        // Other calls have other limits.
        let client = limit(A).builder().attempts(1).connect().unwrap();
        let error = client.secrets().get("a").unwrap_err();
        assert_eq!(error.setting(), None, "{error}");
    }
    assert_eq!(Setting::Resume.to_string(), "ClientBuilder::resume");
}

#[test]
fn the_key_of_another_account_is_named_as_the_cause() {
    let world = World::new(|_, _| None);
    let other = Vault::ephemeral().unwrap();
    let organization = other.new_organization().unwrap();
    let other = other
        .new_account(&organization, NewAccount::default())
        .unwrap();
    let key = KeySource::pem(other.private_key_pem);
    let credentials = credentials(&world.account);
    let builder = Client::builder(world.proxy.base_url(), credentials, key);
    let message = builder.connect().unwrap_err().to_string();
    let advice = "check that the private key, or the password, belongs to this account";
    assert!(message.ends_with(advice), "{message}");
}

#[cfg(any(feature = "platform-roots", feature = "bundled-roots"))]
#[test]
fn an_unknown_authority_names_the_setting() {
    let (port, _) = tls_server::start();
    let url = format!("https://localhost:{port}");
    let error = Client::builder(&url, Credentials::api_token("t"), KeySource::pem(PEM))
        .connect()
        .unwrap_err();
    assert_eq!(error.setting(), Some(Setting::CaCertificate));
    let message = error.to_string();
    assert!(message.contains(&format!("localhost:{port}")), "{message}");
    assert!(
        message.ends_with("with `ClientBuilder::ca_certificate`"),
        "{message}"
    );
    asynchronous::names_the_setting(&url);
}

#[test]
fn a_certificate_for_another_host_says_so() {
    let (port, authority) = tls_server::start_for("other.example");
    let url = format!("https://localhost:{port}");
    let error = Client::builder(url, Credentials::api_token("t"), KeySource::pem(PEM))
        .ca_certificate(authority)
        .connect()
        .unwrap_err();
    assert_eq!(error.setting(), None);
    assert!(
        error
            .to_string()
            .ends_with("for another host: check the base URL"),
        "{error}"
    );
}

#[test]
fn the_reason_in_a_refusal_is_available_as_data() {
    let reasons: [(&str, &str, u16, &str, Option<&str>); 5] = [
        (
            "GET",
            A,
            422,
            r#"{"error":"the reason"}"#,
            Some("the reason"),
        ),
        (
            "GET",
            A,
            400,
            r#"{"error":"a\u001bb","more":[1]}"#,
            Some("a\\u{1b}b"),
        ),
        ("GET", A, 410, "<html>", None),
        (
            "POST",
            TOKEN,
            401,
            r#"{"error":"the reason"}"#,
            Some("the reason"),
        ),
        (
            "POST",
            TOKEN,
            400,
            r#"{"error":"invalid_scope","error_description":"the reason"}"#,
            Some("the reason"),
        ),
    ];
    for (method, path, status, body, reason) in reasons {
        let world = World::new(move |seen, _| seen.is(method, path).then(|| answer(status, body)));
        let error = match world.builder().connect() {
            Ok(client) => client.secrets().get("a").unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.server_text(), reason, "{error}");
        assert!(
            !error.to_string().contains("the reason"),
            "a vault may echo: {error}"
        );
    }
}

/// The 502 may come from a proxy that had passed the request on, and the secret cannot be read back.
#[test]
fn an_ambiguous_write_has_the_status_and_the_reason() {
    let world = World::new(|seen, _| {
        let is_down = seen.is("POST", SECRETS) || seen.is("GET", A);
        is_down.then(|| answer(502, r#"{"error":"the reason"}"#))
    });
    let client = world.builder().attempts(1).connect().unwrap();
    let error = client.secrets().create("a", "v", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    assert_eq!(error.status().unwrap(), 502);
    assert_eq!(error.server_text(), Some("the reason"));
}

#[test]
fn an_encrypted_key_names_the_setting_for_its_passphrase() {
    let locked =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let password = SecretString::from("x");
    let credentials = Credentials::api_token(password);
    let error = Client::builder("https://vault.example", credentials, KeySource::pem(locked))
        .connect()
        .unwrap_err();
    assert_eq!(error.setting(), Some(Setting::Passphrase), "{error}");
}

#[cfg(feature = "async")]
mod asynchronous {
    use helvetisafe::AsyncClient;

    use super::*;

    pub(super) fn names_the_setting(url: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let connect =
            AsyncClient::builder(url, Credentials::api_token("t"), KeySource::pem(PEM)).connect();
        let error = runtime.unwrap().block_on(connect).unwrap_err();
        assert_eq!(error.setting(), Some(Setting::CaCertificate), "{error}");
    }
}

/// A vault need not name the scope, and a proxy does not.
#[test]
fn a_refusal_without_a_reason_names_the_scope_that_the_call_needs() {
    let world = World::new(|seen, _| {
        seen.path
            .starts_with("/api/v1/secrets")
            .then(|| answer(403, "no"))
    });
    let client = world.client();
    let secrets = client.secrets();
    for (error, scope) in [
        (secrets.get("a").unwrap_err(), Scope::SecretsRead),
        (secrets.list().unwrap_err(), Scope::SecretsList),
        (
            secrets.create("a", "v", None).unwrap_err(),
            Scope::SecretsWrite,
        ),
        (
            secrets.update("a", "v", None).unwrap_err(),
            Scope::SecretsWrite,
        ),
        (secrets.delete("a").unwrap_err(), Scope::SecretsDelete),
    ] {
        assert_eq!(
            (error.missing_scope(), error.required_scope()),
            (None, Some(scope))
        );
        let end =
            format!("the credential is not allowed to do this, which needs the scope {scope}");
        assert!(error.to_string().ends_with(&end), "{error}");
    }
}
