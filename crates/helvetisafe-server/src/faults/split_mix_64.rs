/// The random number generator SplitMix64 (Steele, Lea and Flood, 2014). It repeats its numbers for a
/// seed, and must not be used for secrets.
#[derive(Debug)]
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number from 0 to 99.
    pub(super) fn percent(&mut self) -> u8 {
        u8::try_from(self.next_u64() % 100).unwrap_or_default()
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_fair_and_repeat_for_a_seed() {
        let draw = |seed| {
            let mut random = SplitMix64::new(seed);
            (0..10_000)
                .filter(|_| random.percent() < 5)
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!((400..600).contains(&draw(1).len()), "{}", draw(1).len());
    }
}
