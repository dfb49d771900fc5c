use helvetisafe_crypto::Payload;

use super::*;

const TOKEN: &str = "canary-t0k";

fn token(received: i64, expires_at: i64) -> KeptToken {
    let time = |second| Timestamp::from_second(second).unwrap();
    KeptToken {
        token: Token::parse(TOKEN.into()).unwrap(),
        holder: [b'7'; 32],
        received: time(received),
        expires_at: time(expires_at),
    }
}

fn org_key() -> OrgKey {
    OrgKey::from_bytes(&[1; 32])
}

#[test]
fn what_is_sealed_opens_whole_and_under_that_key_alone() {
    let sealed = token(5, 3605).seal(&org_key()).unwrap();
    let opened = KeptToken::open(&org_key(), sealed.clone()).unwrap();
    assert_eq!(opened.token.expose_secret(), TOKEN);
    assert_eq!(opened.holder, [b'7'; 32]);
    assert_eq!(opened.received.as_second(), 5);
    assert_eq!(opened.expires_at.as_second(), 3605);
    assert!(KeptToken::open(&OrgKey::from_bytes(&[2; 32]), sealed).is_none());
}

#[test]
fn a_token_is_no_secret_and_a_secret_no_token() {
    let sealed = token(5, 3605).seal(&org_key()).unwrap();
    let plaintext = org_key().open(sealed).unwrap();
    assert!(Payload::parse(plaintext, "db").is_err());

    let holder = "7".repeat(32);
    let text = format!(
        "HelvetiSafe access token v1\0{holder}1970-01-01T00:00:05Z\n1970-01-01T01:00:05Z\nt0k"
    );
    let open = |plaintext: &[u8]| {
        let sealed = org_key().seal(plaintext).unwrap();
        KeptToken::open(&org_key(), sealed)
    };
    for plaintext in [text.as_bytes(), &Payload::encode("db", &text), b"", MARK] {
        assert!(open(plaintext).is_none());
    }
    // With the one byte that no text has, it is one.
    assert!(open(&[b"\xff", text.as_bytes()].concat()).is_some());
}

#[test]
fn what_came_from_the_future_has_no_age() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let seconds = Duration::from_secs;
    let token = token(100, 160);
    assert_eq!(token.times(at(100)), Some((seconds(0), seconds(60))));
    assert_eq!(token.times(at(130)), Some((seconds(30), seconds(60))));
    assert_eq!(token.times(at(99)), None);
}
