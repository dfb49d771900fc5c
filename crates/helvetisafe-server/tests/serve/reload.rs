//! The certificate is replaced while clients use the vault.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ALL_VERSIONS, ClientConfig};

use crate::certificates::{Authority, Pair};
use crate::process::{LATE, Serve};
use crate::state::State;
use crate::tls::{ask, client_config, connect};

/// Returns the certificate that a new connection gets.
fn served(config: &Arc<ClientConfig>, serve: &Serve) -> Vec<u8> {
    // Without a session to resume, since a resumed one shows the certificate of its start.
    let mut config = ClientConfig::clone(config);
    config.resumption = rustls::client::Resumption::disabled();
    let stream = connect(&Arc::new(config), serve.address).unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn replace(pair: &Pair, folder: &Path) {
    for (name, text) in [("tls.crt", &pair.certificate), ("tls.key", &pair.key)] {
        let new = folder.join("new");
        crate::certificates::write_key(&new, text);
        fs::rename(new, folder.join(name)).unwrap();
    }
}

#[test]
fn a_reload_at_sighup_fails_no_request() {
    let (state, authority) = (State::new(), Authority::new());
    let folder = state.folder.path();
    let first = authority.pair();
    let mut serve = Serve::start_tls(&state, &first.write(folder), &[]);
    let config = client_config(&authority, ALL_VERSIONS);
    assert_eq!(served(&config, &serve), first.der);

    let (is_over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut lasting = connect(&config, serve.address).unwrap();
                while !is_over.load(Ordering::Relaxed) {
                    let mut new = connect(&config, serve.address).unwrap();
                    for stream in [&mut lasting, &mut new] {
                        let answer = ask(stream, "/health").unwrap();
                        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let stop = scopeguard(|| is_over.store(true, Ordering::Relaxed));
        for _ in 0..5 {
            let before = asked.load(Ordering::Relaxed);
            while asked.load(Ordering::Relaxed) < before + 20 {
                thread::sleep(Duration::from_millis(5));
            }
            let next = authority.pair();
            replace(&next, folder);
            serve.signal("HUP");
            let deadline = Instant::now() + LATE;
            while served(&config, &serve) != next.der {
                assert!(Instant::now() < deadline, "the old certificate is served");
                thread::sleep(Duration::from_millis(20));
            }
        }
        drop(stop);
    });
    serve.line("loaded the certificate, which expires at 2099-01-01T00:00:00Z");
    serve.stop();
}

/// Calls a function when it is dropped, also in a panic.
fn scopeguard(end: impl Fn()) -> impl Drop {
    struct Guard<F: Fn()>(F);
    impl<F: Fn()> Drop for Guard<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    Guard(end)
}

#[test]
fn changed_files_are_loaded_without_a_signal_and_after_an_error_the_old_pair_stays() {
    let (state, authority) = (State::new(), Authority::new());
    let folder = state.folder.path();
    let first = authority.pair();
    let options = ["--metrics-listen", "127.0.0.1:0"];
    let mut serve = Serve::start_tls(&state, &first.write(folder), &options);
    let metrics = serve.metrics_address();
    let config = client_config(&authority, ALL_VERSIONS);

    let second = authority.pair();
    replace(&second, folder);
    serve.line("loaded the certificate");
    assert_eq!(served(&config, &serve), second.der);

    // A key of another certificate, then a file that is no certificate, then none.
    replace(
        &Pair {
            certificate: second.certificate.clone(),
            der: Vec::new(),
            key: first.key.clone(),
        },
        folder,
    );
    let line = serve.line("is not the key of the certificate");
    assert!(
        line.contains("the vault serves the certificate that it has"),
        "{line}"
    );
    fs::write(folder.join("tls.crt"), "x").unwrap();
    serve.line("contains no certificate");
    fs::remove_file(folder.join("tls.crt")).unwrap();
    serve.line("cannot be read");
    assert_eq!(served(&config, &serve), second.der);
    let text = crate::metrics::scrape(metrics);
    assert!(
        text.contains("certificate_reloads_total{result=\"failed\"} 3\n"),
        "{text}"
    );
    assert!(
        text.contains("certificate_reloads_total{result=\"ok\"} 1\n"),
        "{text}"
    );

    let third = authority.pair();
    replace(&third, folder);
    serve.line("loaded the certificate");
    assert_eq!(served(&config, &serve), third.der);

    // A renewal that also sends SIGHUP loads the files once.
    replace(&authority.pair(), folder);
    serve.signal("HUP");
    serve.line("loaded the certificate");
    thread::sleep(Duration::from_millis(2500));
    let text = crate::metrics::scrape(metrics);
    assert!(
        text.contains("certificate_reloads_total{result=\"ok\"} 3\n"),
        "{text}"
    );
    serve.stop();
}

/// The remedy that the log names is noticed, though it changes no content.
#[test]
fn a_corrected_mode_of_the_key_is_noticed() {
    use std::os::unix::fs::PermissionsExt;
    let (state, authority) = (State::new(), Authority::new());
    let folder = state.folder.path();
    let mut serve = Serve::start_tls(&state, &authority.pair().write(folder), &[]);
    let config = client_config(&authority, ALL_VERSIONS);
    let second = authority.pair();
    let new = folder.join("new");
    crate::certificates::write_key(&new, &second.key);
    fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(folder.join("tls.crt"), &second.certificate).unwrap();
    fs::rename(&new, folder.join("tls.key")).unwrap();
    serve.line("chmod 600");
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(folder.join("tls.key"), mode).unwrap();
    serve.line("loaded the certificate");
    assert_eq!(served(&config, &serve), second.der);
    serve.stop();
}

/// `tls.crt` → `..data/tls.crt`, and `..data` → a folder that is switched by renaming a link.
#[test]
fn the_switched_link_of_a_kubernetes_volume_is_noticed() {
    let (state, authority) = (State::new(), Authority::new());
    let volume = state.folder.path().join("volume");
    let fill = |name: &str| {
        let pair = authority.pair();
        fs::create_dir_all(volume.join(name)).unwrap();
        pair.write(&volume.join(name));
        pair
    };
    let first = fill("..2026_01");
    symlink("..2026_01", volume.join("..data")).unwrap();
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), volume.join(name)).unwrap();
    }
    let files = [volume.join("tls.crt"), volume.join("tls.key")];
    let mut serve = Serve::start_tls(&state, &files, &[]);
    let config = client_config(&authority, ALL_VERSIONS);
    assert_eq!(served(&config, &serve), first.der);
    let second = fill("..2026_02");
    symlink("..2026_02", volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    serve.line("loaded the certificate");
    assert_eq!(served(&config, &serve), second.der);
    serve.stop();
}

#[test]
fn sighup_without_tls_is_reported_and_harmless() {
    let state = State::new();
    let mut serve = Serve::start(&state, &[]);
    serve.signal("HUP");
    serve.line("nothing to reload");
    serve.stop();
}
