//! Hands the changes of `checks` to libFuzzer.

use helvetisafe_fuzz_checks::mutate::{Chance, Mutate};

/// libFuzzer's own changes, and numbers from the seed that it gives.
struct LibFuzzer {
    longest: usize,
    state: u32,
}

impl Chance for LibFuzzer {
    fn change(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let size = bytes.len();
        bytes.resize(self.longest.max(size), 0);
        let size = libfuzzer_sys::fuzzer_mutate(&mut bytes, size, self.longest.max(size));
        bytes.truncate(size);
        bytes
    }

    /// Marsaglia's xorshift.
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as usize % bound.max(1)
    }
}

/// One change in two respects the form of the input; the other one is libFuzzer's.
pub fn mutate(data: &mut [u8], size: usize, longest: usize, seed: u32, by: Mutate) -> usize {
    let mut chance = LibFuzzer {
        longest,
        state: seed | 1,
    };
    if chance.below(2) == 0
        && let Some(changed) = by(&data[..size], &mut chance)
        && (1..=longest).contains(&changed.len())
    {
        data[..changed.len()].copy_from_slice(&changed);
        return changed.len();
    }
    libfuzzer_sys::fuzzer_mutate(data, size, longest)
}
