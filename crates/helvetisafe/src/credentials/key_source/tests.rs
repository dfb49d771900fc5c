use super::*;
use crate::ErrorKind;

#[test]
fn a_key_file_that_cannot_be_used_is_refused() {
    let missing = KeySource::pem_file("/nonexistent/key.pem")
        .local_key()
        .err()
        .unwrap();
    assert_eq!(missing.kind(), ErrorKind::Config);
    assert!(
        missing.to_string().contains("/nonexistent/key.pem"),
        "{missing}"
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, vec![b'x'; MAX_KEY_FILE + 1]).unwrap();
    assert_eq!(
        KeySource::pem_file(&file).local_key().err().unwrap().kind(),
        ErrorKind::Config
    );
    for content in [&b"no key"[..], &[0xff]] {
        std::fs::write(&file, content).unwrap();
        let unusable = KeySource::pem_file(&file).local_key().err().unwrap();
        assert_eq!(unusable.kind(), ErrorKind::Config);
        let text = unusable.to_string();
        assert!(text.contains(&file.display().to_string()), "{text}");
    }
    assert_eq!(
        KeySource::pem([0xff]).local_key().err().unwrap().kind(),
        ErrorKind::Config
    );
    assert_eq!(
        KeySource::password("").local_key().err().unwrap().kind(),
        ErrorKind::Config
    );
}

#[test]
fn a_key_is_read_into_one_allocation_however_it_comes() {
    /// Gives little at a time, as a pipe may.
    struct Drops<'a>(&'a [u8]);
    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let drop = into.len().min(100);
            self.0.read(&mut into[..drop])
        }
    }
    let room = |length| {
        let key = vec![b'x'; length];
        let read = read_key(Drops(&key)).unwrap();
        assert_eq!(read.len(), length);
        read.capacity() >> 10
    };
    assert_eq!([0, 1, 6000, (16 << 10) - 1].map(room), [16; 4]);
    // It is in whole steps, of which each wipes the last.
    assert_eq!([16 << 10, 70_000, MAX_KEY_FILE].map(room), [32, 128, 2048]);
}

/// As from `<(...)` in a shell.
#[cfg(target_os = "linux")]
#[test]
fn a_key_may_come_through_a_pipe_and_is_refused_where_it_is_too_large() {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    let through_a_pipe = |key: Vec<u8>| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
        // The pipe is closed before the end of what is too large.
        let written = std::thread::spawn(move || drop(writer.write_all(&key)));
        let outcome = read_key_file(Path::new(&path));
        drop(reader);
        written.join().unwrap();
        outcome
    };
    let key: Vec<u8> = (0..70_000u32).map(|at| b'a' + (at % 26) as u8).collect();
    assert_eq!(*through_a_pipe(key.clone()).unwrap(), key);
    let error = through_a_pipe(vec![b'x'; 2 * MAX_KEY_FILE]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("larger than a key can be"),
        "{error}"
    );
}

/// The kind agrees with the message, which starts with `invalid configuration`.
#[test]
fn a_pem_that_cannot_be_used_is_an_error_of_the_configuration() {
    let pem = helvetisafe_test_support::PEM;
    let encrypted =
        include_str!("../../../../helvetisafe-crypto/tests/data/rsa-2048-pkcs8-encrypted.pem");
    let small = include_str!("../../../../helvetisafe-crypto/tests/data/rsa-1024-refused.pem");
    let plain = |pem: &str| KeySource::pem(pem);
    let utf16 = |encode: fn(u16) -> [u8; 2]| {
        let marked = format!("\u{feff}{pem}");
        let bytes: Vec<u8> = marked.encode_utf16().flat_map(encode).collect();
        let unmarked = KeySource::pem(&bytes[2..]);
        [(KeySource::pem(bytes), "UTF-16"), (unmarked, "UTF-16")]
    };
    let utf16 = [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)].concat();
    let others = [
        (plain("no key"), "no line such as `-----BEGIN"),
        (plain(&pem.replace('\n', "\\n")), "has `\\n`"),
        (plain(&pem[..pem.len() / 2]), "no line `-----END"),
        (plain(&pem.replace("PRIVATE", "PUBLIC")), "a public key"),
        (
            plain(&pem.replace("PRIVATE KEY", "CERTIFICATE")),
            "a certificate",
        ),
        (plain(&format!("{pem}{pem}")), "more than one private key"),
        (plain(small), "2048 to 8192 bits"),
        (plain(encrypted), "give its passphrase"),
        (
            plain(encrypted).with_passphrase("wrong"),
            "wrong passphrase",
        ),
    ];
    for (source, cause) in others.into_iter().chain(utf16) {
        let error = source.local_key().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let text = error.to_string();
        assert!(text.starts_with("invalid configuration: "), "{text}");
        assert!(text.contains(cause), "{cause}: {text}");
        assert!(!error.is_retryable());
    }
}
