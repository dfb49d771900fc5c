//! The time to seal and to open, beside the same work with other ciphers, as a table in Markdown.
//!
//! Each seals with a nonce from the operating system into a new buffer, and encodes in base64; or decodes and opens.
//! Only ours also wipes the plaintext and the stack.

mod ciphers;

use std::hint::black_box;
use std::time::Instant;

use ciphers::{AwsLc, Cipher, OpenSsl, Ours, Ring, RustCrypto};

/// Sizes of a value in bytes, and the operations of a sample.
const SIZES: [(&str, usize, usize); 4] = [
    ("64 B", 64, 2000),
    ("1 KiB", 1 << 10, 1000),
    ("64 KiB", 64 << 10, 30),
    ("1 MiB", 1 << 20, 2),
];
const ROUNDS: usize = 101;

fn main() {
    let ciphers: [&dyn Cipher; 5] = [
        &Ours::new(),
        &RustCrypto::new(),
        &Ring::new(),
        &AwsLc::new(),
        &OpenSsl::new(),
    ];
    let names: Vec<_> = ciphers.iter().map(|cipher| cipher.name()).collect();
    println!("| work | {} |", names.join(" | "));
    println!("|{}", "---|".repeat(names.len() + 1));
    for (name, size, calls) in SIZES {
        let plaintext = vec![b'v'; size];
        row(&format!("seal, {name}"), &ciphers, calls, |cipher| {
            black_box(cipher.seal(&plaintext));
        });
        let sealed = ciphers[0].seal(&plaintext);
        row(&format!("open, {name}"), &ciphers, calls, |cipher| {
            assert_eq!(cipher.open(&sealed), size);
        });
    }
}

/// Prints the medians in ns. The ciphers take turns, round by round.
fn row(work: &str, ciphers: &[&dyn Cipher], calls: usize, operation: impl Fn(&dyn Cipher)) {
    let mut times = vec![Vec::new(); ciphers.len()];
    for _ in 0..ROUNDS {
        for (times, cipher) in times.iter_mut().zip(ciphers) {
            let start = Instant::now();
            (0..calls).for_each(|_| operation(*cipher));
            times.push(start.elapsed().as_nanos() as usize / calls);
        }
    }
    let medians = times.iter_mut().map(|times| {
        times.sort_unstable();
        format!("{} ns", times[ROUNDS / 2])
    });
    println!("| {work} | {} |", medians.collect::<Vec<_>>().join(" | "));
}
