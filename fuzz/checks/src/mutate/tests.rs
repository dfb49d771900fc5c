use super::*;

/// SplitMix64; changes bytes by turning one bit over, or by one byte more.
struct Seeded(u64);

impl Chance for Seeded {
    fn change(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.below(bytes.len() * 2) {
            at if at < bytes.len() => bytes[at] ^= 1,
            _ => bytes.push(b'x'),
        }
        bytes
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % bound.max(1)
    }
}

/// How many of 400 changes of a text satisfy `right`.
fn of_400(text: &str, mutate: Mutate, right: fn(&[u8]) -> bool) -> usize {
    let changes = (0..400).filter_map(|seed| mutate(text.as_bytes(), &mut Seeded(seed)));
    changes
        .filter(|changed| changed != text.as_bytes() && right(changed))
        .count()
}

#[test]
fn a_changed_pem_is_still_one_around_der() {
    let pem_text =
        include_str!("../../../../crates/helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");
    let still = of_400(pem_text, pem, |changed| {
        pem(changed, &mut Seeded(0)).is_some()
    });
    assert!(still > 200, "{still}");
}

#[test]
fn changed_json_is_mostly_json() {
    let text = r#"{"a": "b\"", "c": [1, null, {"d": "AAAAAAAA"}], "e": -1.5}"#;
    let is_json = |changed: &[u8]| serde_json::from_slice::<serde_json::Value>(changed).is_ok();
    let still = of_400(text, json, is_json);
    assert!(still > 200, "{still}");
}

#[test]
fn changed_base64_is_still_base64() {
    let is_base64 = |changed: &[u8]| base64(changed, &mut Seeded(0)).is_some();
    assert!(of_400("AAECAwQFBgc=\nCAkKCwwN", base64, is_base64) > 350);
}

#[test]
fn any_bytes_can_be_changed() {
    for text in [
        "",
        "{",
        "\"",
        "\"\\",
        "]]",
        "-----\n\n-----END",
        "-----\nMIIB\n-----END",
    ] {
        for mutate in [json as Mutate, base64, pem] {
            of_400(text, mutate, |_| true);
        }
    }
}
