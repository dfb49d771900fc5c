//! Like `memory-subject`, with the allocator of the command, which wipes freed memory.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static HEAP: ZeroAlloc<System> = ZeroAlloc(System);

fn main() {
    #[cfg(target_os = "linux")]
    helvetisafe_memory_subject::work();
}
