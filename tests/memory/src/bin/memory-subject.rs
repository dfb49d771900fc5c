//! A process whose memory is looked at: see `tests/memory.rs`.

fn main() {
    #[cfg(target_os = "linux")]
    helvetisafe_memory_subject::work();
}
