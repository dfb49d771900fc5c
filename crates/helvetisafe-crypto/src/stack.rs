//! Wipes the stack after a computation with secrets.
//!
//! A function that returns leaves the bytes of its frame on the stack: keys passed by value, round keys,
//! digits of big numbers.

use core::hint::black_box;

/// Words of 8 bytes to wipe after the cipher. Optimized, with VAES, it was measured to use 6.8 KiB for any
/// length, so 10 KiB are wiped. Unoptimized, 16 KiB were measured to be too few, so 32 KiB are wiped.
const CIPHER: usize = if cfg!(optimized) { 5 << 8 } else { ANYTHING };
/// Words to wipe after big-number arithmetic, Argon2id or a parser: 32 KiB.
const ANYTHING: usize = 4 << 10;

/// Runs `work`, then wipes the stack below the caller's frame. The result passes through the caller's
/// frame, so its secrets should be on the heap.
pub(crate) fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let outcome = in_frames_below(work);
    wipe::<ANYTHING>();
    outcome
}

/// Like [`wiped`], for work that is only the cipher.
pub(crate) fn wiped_after_cipher<T>(work: impl FnOnce() -> T) -> T {
    let outcome = in_frames_below(work);
    wipe::<CIPHER>();
    outcome
}

#[inline(never)]
fn in_frames_below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Overwrites the stack with zeros. `black_box` keeps the compiler from removing the writes, but lets it
/// write many words at once; `zeroize` writes byte by byte.
#[inline(never)]
fn wipe<const WORDS: usize>() {
    let mut words = [0_u64; WORDS];
    black_box(&mut words);
}
