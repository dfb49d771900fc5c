//! What a computation leaves on the stack: keys that were passed by value, round keys, digits of big
//! numbers. Its frames are gone when it returns, and their bytes are not.

use core::hint::black_box;

/// How much of the stack the cipher uses, generously, in words of 8 bytes. Optimized, with VAES, it was
/// seen to use 6.8 KiB, however little it encrypts, and is given 10. Otherwise 16 were seen not to be
/// enough, and it is given 32.
pub(crate) const CIPHER: usize = if cfg!(optimized) { 5 << 8 } else { ANYTHING };
/// The same of whatever has big numbers, Argon2id or a parser in it: 32 KiB.
pub(crate) const ANYTHING: usize = 4 << 10;

/// Does `work`, then wipes the stack below the caller's frame. What `work` returns should keep its
/// secrets on the heap, since it is moved through the caller's frame.
pub(crate) fn wiped<const WORDS: usize, T>(work: impl FnOnce() -> T) -> T {
    let outcome = in_frames_below(work);
    wipe::<WORDS>();
    outcome
}

#[inline(never)]
fn in_frames_below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// The compiler may not drop what `black_box` sees; unlike `zeroize`, which writes byte after byte,
/// it may fill the words in large steps.
#[inline(never)]
fn wipe<const WORDS: usize>() {
    let mut words = [0_u64; WORDS];
    black_box(&mut words);
}
