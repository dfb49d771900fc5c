#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| helvetisafe_fuzz_checks::parse_organization_keys(data));
