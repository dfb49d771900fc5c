#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| helvetisafe_fuzz_checks::unlock_private_key(data));
