//! The working memory of Argon2id: wiped on drop, and in huge pages where the system gives them.

use argon2::Block;
use zeroize::Zeroize;

/// With `std`, 2 MiB at a time where the kernel has transparent huge pages: small pages cost about
/// half as much time as the derivation itself, one fault after another.
#[cfg(feature = "std")]
type Blocks = allocator_api2::vec::Vec<Block, hugealloc::HugeAlloc>;
#[cfg(not(feature = "std"))]
type Blocks = alloc::vec::Vec<Block>;

pub(super) struct Memory(Blocks);

impl Memory {
    /// So many KiB of zeros.
    pub(super) fn new(blocks: usize) -> Self {
        #[cfg(feature = "std")]
        let mut memory = Blocks::with_capacity_in(blocks, hugealloc::HugeAlloc);
        #[cfg(not(feature = "std"))]
        let mut memory = Blocks::with_capacity(blocks);
        memory.resize(blocks, Block::new());
        Self(memory)
    }
}

impl AsMut<[Block]> for Memory {
    fn as_mut(&mut self) -> &mut [Block] {
        &mut self.0
    }
}

impl Drop for Memory {
    /// A slice is wiped in large steps, `Zeroizing` around a vector does it word after word.
    fn drop(&mut self) {
        for block in &mut self.0 {
            block.as_mut().zeroize();
        }
    }
}
