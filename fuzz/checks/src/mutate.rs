//! Mutations that keep the structure of an input. libFuzzer's own mutations mostly break the outermost
//! layer, such as the base64 around DER.
//!
//! Each function changes one element and updates the layers around it. It returns `None` if the input does
//! not have the structure; then libFuzzer's own mutation is used.

mod base64_text;
mod der;
mod json;

pub use base64_text::{base64, pem};
pub use json::json;

/// A source of unstructured mutations and of numbers: libFuzzer, or a test.
pub trait RandomSource {
    /// Mutates bytes without regard to structure.
    fn change(&mut self, bytes: Vec<u8>) -> Vec<u8>;
    /// Returns a number below `bound`; 0 if `bound` is 0.
    fn below(&mut self, bound: usize) -> usize;
}

/// A mutation that keeps a structure.
pub type Mutate = fn(&[u8], &mut dyn RandomSource) -> Option<Vec<u8>>;

/// Returns `data` with one range replaced.
fn splice(data: &[u8], range: std::ops::Range<usize>, by: &[u8]) -> Vec<u8> {
    [&data[..range.start], by, &data[range.end..]].concat()
}

#[cfg(test)]
mod tests;
