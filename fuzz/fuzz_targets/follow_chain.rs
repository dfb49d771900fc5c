#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| helvetisafe_fuzz_checks::follow_chain(data));
libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    helvetisafe_fuzz::mutate(
        data,
        size,
        max_size,
        seed,
        helvetisafe_fuzz_checks::mutate::json,
    )
});
