use super::*;

const TOKEN: &str = "canary-t0k";

fn token(received: i64, expires_at: i64) -> SavedToken {
    let time = |second| Timestamp::from_second(second).unwrap();
    SavedToken {
        token: Token::parse(TOKEN.into()).unwrap(),
        audience_digest: [b'7'; 32],
        received: time(received),
        expires_at: time(expires_at),
        has_pages: true,
    }
}

fn open(org_key: &OrgKey, sealed: Envelope) -> Option<SavedToken> {
    SavedToken::parse(&org_key.open_ticket(sealed).ok()?)
}

fn org_key() -> OrgKey {
    OrgKey::from_bytes(&[1; 32])
}

#[test]
fn a_sealed_token_opens_under_its_key_alone() {
    let sealed = token(5, 3605).seal(&org_key()).unwrap();
    let opened = open(&org_key(), sealed.clone()).unwrap();
    assert_eq!(opened.token.expose_secret(), TOKEN);
    assert_eq!(opened.audience_digest, [b'7'; 32]);
    assert_eq!(opened.received.as_second(), 5);
    assert_eq!(opened.expires_at.as_second(), 3605);
    assert!(opened.has_pages);
    assert!(open(&OrgKey::from_bytes(&[2; 32]), sealed).is_none());
}

#[test]
fn a_token_is_no_secret_and_a_secret_no_token() {
    let sealed = token(5, 3605).seal(&org_key()).unwrap();
    assert!(org_key().open(sealed.clone()).is_err());
    let plaintext = org_key().open_ticket(sealed).unwrap();
    let secret = org_key().seal(&plaintext).unwrap();
    assert!(open(&org_key(), secret).is_none());
}

#[test]
fn a_ticket_that_holds_something_else_is_no_token() {
    let whole = format!(
        "{}1970-01-01T00:00:05Z\n1970-01-01T01:00:05Z\ntrue\nt0k",
        "7".repeat(32)
    );
    let opened = |plaintext: &str| {
        let sealed = org_key().seal_ticket(plaintext.as_bytes()).unwrap();
        open(&org_key(), sealed)
    };
    assert!(opened(&whole).is_some());
    for length in [0, 31, 32, 52, 53, 73, 74, 77, 78] {
        assert!(opened(&whole[..length]).is_none(), "{length}");
    }
    assert!(opened(&whole.replacen('Z', "", 1)).is_none());
}

#[test]
fn a_token_from_the_future_has_no_age() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let seconds = Duration::from_secs;
    let token = token(100, 160);
    assert_eq!(token.age_and_life(at(100)), Some((seconds(0), seconds(60))));
    assert_eq!(
        token.age_and_life(at(130)),
        Some((seconds(30), seconds(60)))
    );
    assert_eq!(token.age_and_life(at(99)), None);
}
