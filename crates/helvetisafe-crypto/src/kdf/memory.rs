//! The working memory of Argon2id: wiped on drop, and in huge pages where the system has them.

use argon2::Block;
use zeroize::Zeroize;

/// Blocks in transparent huge pages of 2 MiB, with `std`. The page faults of small pages take about half
/// as long as the derivation itself.
#[cfg(feature = "std")]
type Blocks = allocator_api2::vec::Vec<Block, hugealloc::HugeAlloc>;
#[cfg(not(feature = "std"))]
type Blocks = alloc::vec::Vec<Block>;

pub(super) struct Memory(Blocks);

impl Memory {
    /// Allocates `blocks` KiB of zeros.
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
    /// Wipes whole slices, which is faster than `Zeroizing`: it wipes a vector word by word.
    fn drop(&mut self) {
        for block in &mut self.0 {
            block.as_mut().zeroize();
        }
    }
}
