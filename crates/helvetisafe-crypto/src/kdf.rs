//! Argon2id, RFC 9106, with the parameters of the format.

mod memory;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::Error;
use crate::aead::KEY_LEN;
use memory::Memory;

/// Memory in KiB: 19 MiB.
const MEMORY_KIB: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;

/// Derives the AES-256 key that locks a private key. RFC 9106 section 3.1:
///
/// ```text
/// key = Argon2id(P = password, S = salt, p = 1, T = 32, m = 19456, t = 2, v = 0x13)
/// ```
///
/// A salt of fewer than 8 bytes is refused. The crate `argon2` does not wipe memory that it allocates
/// itself, so the 19 MiB of working memory are allocated and wiped here.
pub(crate) fn derive_locking_key(
    password: &[u8],
    salt: &[u8],
) -> Result<Zeroizing<[u8; KEY_LEN]>, Error> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, Some(KEY_LEN)).map_err(|_| Error::TooLong)?;
    let mut memory = Memory::new(params.block_count());
    let mut key = Zeroizing::new([0; KEY_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, key.as_mut_slice(), &mut memory)
        .map_err(|_| Error::TooLong)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use argon2::{AssociatedData, Block, ParamsBuilder};

    use super::*;

    /// RFC 9106 section 5.3. Its secret and associated data are not part of the format.
    #[test]
    fn rfc_9106_argon2id() {
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(AssociatedData::new(&[4; 12]).unwrap())
            .build()
            .unwrap();
        let argon2 =
            Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).unwrap();
        let mut tag = [0; 32];
        argon2
            .hash_password_into_with_memory(
                &[1; 32],
                &[2; 16],
                &mut tag,
                vec![Block::default(); 32],
            )
            .unwrap();
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
            0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
            0x6b, 0x01, 0xe6, 0x59,
        ];
        assert_eq!(tag, expected);
    }

    #[test]
    fn a_salt_has_at_least_8_bytes() {
        assert!(derive_locking_key(b"password", &[0; 7]).is_err());
        assert!(derive_locking_key(b"", &[0; 8]).is_ok());
    }
}
