//! The notifications of `Type=notify` and `Type=notify-reload`.
#![cfg(target_os = "linux")]

use std::os::unix::net::UnixDatagram;

use crate::certificates::Authority;
use crate::process::{LATE, Serve, command};
use crate::state::State;

#[test]
fn systemd_is_notified_of_start_reload_and_stop() {
    let (state, authority) = (State::new(), Authority::new());
    let [cert, key] = authority.pair().write(state.folder.path());
    let socket_path = state.folder.path().join("notify");
    let socket = UnixDatagram::bind(&socket_path).unwrap();
    socket.set_read_timeout(Some(LATE)).unwrap();
    let next = || {
        let mut buffer = [0; 1024];
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..count].to_vec()).unwrap()
    };
    let database = state.database();
    let mut command = command(&[
        "serve",
        "--database",
        &database,
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        cert.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ]);
    command.env("NOTIFY_SOCKET", &socket_path);
    let serve = Serve::spawn(command);
    assert_eq!(next().trim(), "READY=1");
    serve.signal("HUP");
    let reloading = next();
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(next().trim(), "READY=1");
    serve.signal("TERM");
    assert_eq!(next().trim(), "STOPPING=1");
    let mut serve = serve;
    assert_eq!(serve.wait().code(), Some(0));
}

/// `systemd-analyze` reports unknown and misplaced settings. It needs a program that exists.
#[test]
fn systemd_knows_every_line_of_the_unit() {
    let unit = crate::deployment::deployed("systemd/helvetisafe-server.service");
    let program = env!("CARGO_BIN_EXE_helvetisafe-server");
    let unit = unit.replace("/usr/bin/helvetisafe-server", program);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("helvetisafe-server.service");
    let verify = |unit: &str| {
        std::fs::write(&path, unit).unwrap();
        let mut verify = std::process::Command::new("systemd-analyze");
        verify.arg("verify").arg(&path).output()
    };
    let Ok(output) = verify(&unit) else {
        eprintln!("skipped: this machine has no systemd-analyze");
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && !stderr.contains("helvetisafe"),
        "{stderr}"
    );
    let wrong = verify(&unit.replace("RestartSec=", "RestartSecond=")).unwrap();
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("RestartSecond"));
}
