#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::string::String;

use proptest::prelude::*;

use super::*;
use crate::organization::SigningKey;
use crate::organization::fixtures::other_fingerprint;

fn code(base_url: &str) -> InvitationCode {
    InvitationCode {
        secret: InvitationSecret::generate().unwrap(),
        base_url: base_url.into(),
        fingerprint: other_fingerprint(),
        inviter: SigningKey::generate().unwrap().verification_key(),
        head: Head {
            sequence: 7,
            hash: [4; 32],
        },
    }
}

fn refused(text: &str) -> InvalidCode {
    InvitationCode::parse(text).err().unwrap()
}

#[test]
fn a_code_may_be_broken_into_lines() {
    let code = code("https://vault.example");
    let text = code.encode();
    let (one, other) = text.split_at(90);
    let again = InvitationCode::parse(&std::format!(" {one}\r\n  {other}\n")).unwrap();
    assert_eq!(again.encode(), text);
}

#[test]
fn each_refusal_has_its_reason() {
    let text = code("https://vault.example").encode();
    for other in [
        "",
        "hsi",
        "hsi_",
        "hsix_AAAA",
        "HSI1_AAAA",
        "https://vault.example",
        &text[1..],
    ] {
        assert_eq!(refused(other), InvalidCode::Prefix, "{other}");
    }
    assert_eq!(
        refused(&text.replacen("hsi1_", "hsi2_", 1)),
        InvalidCode::Version
    );
    assert_eq!(refused("hsi1_"), InvalidCode::Checksum);
    assert_eq!(refused(&text[..text.len() - 1]), InvalidCode::Checksum);
    assert_eq!(refused(&std::format!("{}=", *text)), InvalidCode::Checksum);
    assert_eq!(refused(&std::format!("{}A", *text)), InvalidCode::Checksum);
}

#[test]
fn a_right_checksum_does_not_make_a_code() {
    let with_checksum = |content: &[u8]| {
        let bytes = [content, &checksum(content)].concat();
        std::format!("hsi1_{}", Base64UrlUnpadded::encode_string(&bytes))
    };
    let text = code("https://vault.example").encode();
    let content = decode(&text[5..]).unwrap();
    assert!(InvitationCode::parse(&with_checksum(&content)).is_ok());
    let mut no_key = content.to_vec();
    no_key[64..96].fill(0xff);
    let urls: [&[u8]; 3] = [b"", b"https://vault\n", b"https://\xff"];
    let urls = urls.map(|url| [&content[..136], url].concat());
    for content in [&b""[..], &content[..135], &no_key]
        .into_iter()
        .chain(urls.iter().map(|url| &url[..]))
    {
        assert_eq!(refused(&with_checksum(content)), InvalidCode::Content);
    }
}

proptest! {
    #[test]
    fn codes_round_trip(url in "[!-~]{1,80}") {
        let code = code(&url);
        let again = InvitationCode::parse(&code.encode()).unwrap();
        prop_assert_eq!(again.secret.expose_secret(), code.secret.expose_secret());
        prop_assert_eq!(again.base_url, code.base_url);
        prop_assert_eq!(again.fingerprint, code.fingerprint);
        prop_assert_eq!(again.inviter, code.inviter);
        prop_assert_eq!(again.head, code.head);
    }

    #[test]
    fn one_changed_character_is_a_typing_error(at in 5_usize..200, other in "[A-Za-z0-9_-]") {
        let text = code("https://vault.example").encode();
        let at = 5 + at % (text.len() - 5);
        prop_assume!(text[at..=at] != other);
        let changed: String = std::format!("{}{other}{}", &text[..at], &text[at + 1..]);
        prop_assert_eq!(refused(&changed), InvalidCode::Checksum);
    }

    #[test]
    fn any_text_is_refused_or_read(text: String) {
        let _ = InvitationCode::parse(&text);
        let _ = InvitationCode::parse(&std::format!("hsi1_{text}"));
    }
}
