use super::*;

/// SplitMix64. It mutates bytes by flipping one bit or adding one byte.
struct Seeded(u64);

impl RandomSource for Seeded {
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

/// Returns how many of 400 mutations of a text satisfy `is_valid`.
fn of_400(text: &str, mutate: Mutate, is_valid: fn(&[u8]) -> bool) -> usize {
    let changes = (0..400).filter_map(|seed| mutate(text.as_bytes(), &mut Seeded(seed)));
    changes
        .filter(|changed| changed != text.as_bytes() && is_valid(changed))
        .count()
}

#[test]
fn most_changed_pems_contain_der() {
    let pem_text =
        include_str!("../../../../crates/helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");
    let still = of_400(pem_text, pem, |changed| {
        pem(changed, &mut Seeded(0)).is_some()
    });
    assert!(still > 200, "{still}");
}

#[test]
fn most_changed_json_is_json() {
    let text = r#"{"a": "b\"", "c": [1, null, {"d": "AAAAAAAA"}], "e": -1.5}"#;
    let is_json = |changed: &[u8]| serde_json::from_slice::<serde_json::Value>(changed).is_ok();
    let still = of_400(text, json, is_json);
    assert!(still > 200, "{still}");
}

#[test]
fn most_changed_base64_is_base64() {
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
