//! Randomness that may fail, for callees that believe it cannot.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::Error;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize, R>(rng: &mut R) -> Result<[u8; N], Error>
where
    R: TryCryptoRng + ?Sized,
{
    let mut bytes = [0; N];
    rng.try_fill_bytes(&mut bytes)
        .map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

/// Lends a fallible generator to code that wants an infallible one, and remembers a failure.
///
/// After a failure it yields a counter, so that the borrower ends instead of searching forever;
/// whatever it made is then to be thrown away, which [`FailureLatch::check`] enforces.
pub(crate) struct FailureLatch<'a, R: ?Sized> {
    rng: &'a mut R,
    counter: u64,
    failed: bool,
}

impl<'a, R: TryCryptoRng + ?Sized> FailureLatch<'a, R> {
    pub(crate) fn new(rng: &'a mut R) -> Self {
        Self {
            rng,
            counter: 0,
            failed: false,
        }
    }

    /// Hands `made` on only if every byte that went into it was random.
    pub(crate) fn check<T>(self, made: T) -> Result<T, Error> {
        if self.failed {
            Err(Error::Randomness)
        } else {
            Ok(made)
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        if !self.failed && self.rng.try_fill_bytes(bytes).is_ok() {
            return;
        }
        self.failed = true;
        for chunk in bytes.chunks_mut(8) {
            // A Weyl sequence: odd increments of 2^64 divided by the golden ratio.
            self.counter = self.counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&self.counter.to_le_bytes()[..chunk.len()]);
        }
    }
}

impl<R: TryCryptoRng + ?Sized> TryRng for FailureLatch<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl<R: TryCryptoRng + ?Sized> TryCryptoRng for FailureLatch<'_, R> {}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

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

    #[test]
    fn what_works_is_lent_unchanged() {
        let mut working = Failing { left: 3 };
        let mut latch = FailureLatch::new(&mut working);
        let mut bytes = [0; 16];
        latch.try_fill_bytes(&mut bytes).unwrap();
        assert_eq!(bytes, [0x5a; 16]);
        assert_eq!(latch.try_next_u32(), Ok(0x5a5a_5a5a));
        assert_eq!(latch.try_next_u64(), Ok(0x5a5a_5a5a_5a5a_5a5a));
        assert_eq!(latch.check("key"), Ok("key"));
    }

    /// A borrower that searches, as for a prime, ends: it is never given one number for ever.
    #[test]
    fn what_was_made_without_randomness_is_thrown_away() {
        let mut failing = Failing { left: 1 };
        let mut latch = FailureLatch::new(&mut failing);
        latch.try_next_u32().unwrap();
        assert_ne!(latch.try_next_u64(), latch.try_next_u64());
        assert_ne!(latch.try_next_u32(), latch.try_next_u32());
        assert_eq!(latch.check("key"), Err(Error::Randomness));
    }
}
