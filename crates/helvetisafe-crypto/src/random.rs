//! Random bytes from a source that may fail.

use rand_core::TryCryptoRng;

use crate::Error;

/// Draws `N` random bytes.
pub(crate) fn bytes<const N: usize, R>(rng: &mut R) -> Result<[u8; N], Error>
where
    R: TryCryptoRng + ?Sized,
{
    let mut bytes = [0; N];
    rng.try_fill_bytes(&mut bytes)
        .map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use rand_core::{TryCryptoRng, TryRng};

    /// A generator that works `left` times and then fails.
    pub(crate) struct Failing {
        pub(crate) left: u32,
    }

    #[derive(Debug)]
    pub(crate) struct OutOfEntropy;

    impl core::fmt::Display for OutOfEntropy {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("out of entropy")
        }
    }

    impl core::error::Error for OutOfEntropy {}

    impl TryRng for Failing {
        type Error = OutOfEntropy;

        fn try_next_u32(&mut self) -> Result<u32, OutOfEntropy> {
            Ok(self.try_next_u64()? as u32)
        }

        fn try_next_u64(&mut self) -> Result<u64, OutOfEntropy> {
            let mut bytes = [0; 8];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u64::from_le_bytes(bytes))
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), OutOfEntropy> {
            self.left = self.left.checked_sub(1).ok_or(OutOfEntropy)?;
            bytes.fill(0x5a);
            Ok(())
        }
    }

    impl TryCryptoRng for Failing {}
}
