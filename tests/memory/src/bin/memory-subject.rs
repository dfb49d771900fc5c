//! A process whose memory is searched: see `tests/memory/main.rs`.

fn main() {
    #[cfg(target_os = "linux")]
    helvetisafe_memory_subject::work();
}
