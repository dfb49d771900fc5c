use helvetisafe_proto::{KeyName, ListedKey};

/// Checks that exactly the names of `^[A-Za-z0-9_]{1,255}$` are accepted, and that others are displayed
/// without control characters.
pub fn key_name(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let is_name = (1..=255).contains(&data.len())
        && data
            .iter()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let parsed = KeyName::parse(text);
    assert_eq!(parsed.is_ok(), is_name);
    match parsed {
        Ok(name) => assert_eq!((name.as_str(), name.to_string().as_str()), (text, text)),
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    }

    let listed = ListedKey::new(text.to_owned());
    assert_eq!(listed.as_ref(), text);
    assert_eq!(listed.valid().is_some(), is_name);
    let shown = listed.to_string();
    assert!(shown.is_ascii() && !shown.contains(char::is_control));

    let json = serde_json::to_string(text).unwrap();
    assert_eq!(serde_json::from_str::<KeyName>(&json).is_ok(), is_name);
}
