//! Connects the mutations of `checks` to libFuzzer.

use helvetisafe_fuzz_checks::mutate::{Mutate, RandomSource};

/// libFuzzer's own mutations, and numbers from its seed.
struct LibFuzzer {
    max_len: usize,
    state: u32,
}

impl RandomSource for LibFuzzer {
    fn change(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let size = bytes.len();
        bytes.resize(self.max_len.max(size), 0);
        let size = libfuzzer_sys::fuzzer_mutate(&mut bytes, size, self.max_len.max(size));
        bytes.truncate(size);
        bytes
    }

    /// Xorshift (Marsaglia, 2003).
    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state as usize % bound.max(1)
    }
}

/// Applies a mutation that keeps the structure of the input half of the time, else libFuzzer's own.
pub fn mutate(data: &mut [u8], size: usize, max_len: usize, seed: u32, by: Mutate) -> usize {
    let mut random = LibFuzzer {
        max_len,
        state: seed | 1,
    };
    if random.below(2) == 0
        && let Some(changed) = by(&data[..size], &mut random)
        && (1..=max_len).contains(&changed.len())
    {
        data[..changed.len()].copy_from_slice(&changed);
        return changed.len();
    }
    libfuzzer_sys::fuzzer_mutate(data, size, max_len)
}
