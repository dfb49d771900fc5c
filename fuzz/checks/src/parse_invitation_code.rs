use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use helvetisafe_crypto::organization::{InvalidCode, InvitationCode};

/// Parses an invitation code. An accepted code has one text but for white space, and a changed character is a typing
/// error.
///
/// The fuzzer cannot find a checksum, so the data is also the content of a code, with a checksum of ours.
pub fn parse_invitation_code(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        read(text);
    }
    let checksum = checksum(data);
    let code = format!(
        "hsi1_{}",
        URL_SAFE_NO_PAD.encode([data, &checksum].concat())
    );
    if let Err(error) = InvitationCode::parse(&code) {
        assert_eq!(error, InvalidCode::Content);
    }
    read(&code);
}

fn read(text: &str) {
    let code = match InvitationCode::parse(text) {
        Ok(code) => code,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(*code.encode(), written);
    assert!(!code.base_url.is_empty() && !code.base_url.contains(char::is_control));
    let (start, last) = written.split_at(written.len() - 1);
    let other = if last == "A" { "B" } else { "A" };
    let changed = InvitationCode::parse(&format!("{start}{other}"));
    assert_eq!(changed.err(), Some(InvalidCode::Checksum));
}

/// Finds the checksum of a content by the specification.
fn checksum(content: &[u8]) -> [u8; 4] {
    use sha2::{Digest, Sha256};
    let digest = Sha256::new()
        .chain_update(b"HelvetiSafe invitation code v1\0")
        .chain_update(content)
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}
