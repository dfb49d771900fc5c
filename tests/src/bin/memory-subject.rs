//! A process whose memory is looked at: see `tests/memory.rs`.

fn main() {
    helvetisafe_tests::memory::work();
}
