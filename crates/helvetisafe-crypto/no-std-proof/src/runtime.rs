//! Replacements for parts of the standard library: an allocator, a panic handler, and random numbers.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::convert::Infallible;
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use helvetisafe_crypto::rand_core::{TryCryptoRng, TryRng};

// The C library calls `main`, and has `memcpy` and similar functions.
#[link(name = "c")]
unsafe extern "C" {
    fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: C's `abort` has no conditions.
    unsafe { abort() }
}

// The compiler's `alloc` refers to these two for unwinding. With `panic = "abort"` they are never called.
// SAFETY: only `std` would define functions of these names.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// SAFETY: as above.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: C's `abort` has no conditions.
    unsafe { abort() }
}

/// Bytes of memory: twice 19 MiB for Argon2, and the remainder for RSA.
const ARENA_LEN: usize = 64 << 20;

#[repr(align(64))]
struct Arena(UnsafeCell<[u8; ARENA_LEN]>);

// SAFETY: `Bump` hands out each byte once.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_LEN]));

/// An allocator that hands out the arena from start to end and never reuses memory. An allocator needs
/// `unsafe`, so this package does not forbid it.
struct Bump {
    used: AtomicUsize,
}

#[global_allocator]
static ALLOCATOR: Bump = Bump {
    used: AtomicUsize::new(0),
};

// SAFETY: every block is inside the arena, aligned, and overlaps no other.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let arena = ARENA.0.get().cast::<u8>();
        let end = |start: usize| start.checked_add(layout.size());
        let start = |used: usize| used.next_multiple_of(layout.align());
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                end(start(used)).filter(|&end| end <= ARENA_LEN)
            });
        match taken {
            // The arena is aligned to 64 bytes.
            // SAFETY: the block ends inside the arena.
            Ok(used) if layout.align() <= 64 => unsafe { arena.add(start(used)) },
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Predictable numbers in place of random ones: this program has no secrets.
pub(crate) struct Counter(pub(crate) u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| (number >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        // A Weyl sequence: steps of 2^64 divided by the golden ratio.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let number = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
