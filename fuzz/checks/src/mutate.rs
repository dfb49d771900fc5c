//! Changes that respect the form of an input, for libFuzzer, whose own changes mostly break the
//! outermost layer: a key in DER in base64, a member in JSON.
//!
//! Each function changes one place, and the layers around it follow. It gives `None` where the
//! input has not its form; libFuzzer's own change is then the better one.

mod base64_text;
mod der;
mod json;

pub use base64_text::{base64, pem};
pub use json::json;

/// What changes bytes without a thought, and picks numbers below a bound: libFuzzer, or a test.
pub trait Chance {
    /// Other bytes, made from these.
    fn change(&mut self, bytes: Vec<u8>) -> Vec<u8>;
    /// A number below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize;
}

/// A change that respects a form.
pub type Mutate = fn(&[u8], &mut dyn Chance) -> Option<Vec<u8>>;

/// `data` with one range of it replaced.
fn splice(data: &[u8], range: std::ops::Range<usize>, by: &[u8]) -> Vec<u8> {
    [&data[..range.start], by, &data[range.end..]].concat()
}

#[cfg(test)]
mod tests;
