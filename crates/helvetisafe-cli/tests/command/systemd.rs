//! The agent under systemd: readiness, reload, the watchdog and socket activation.

use std::fs;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_test_support::{Action, Proxy};
use serde_json::json;

use crate::agent::{Agent, Answer, ends, free_port};
use crate::world::{World, start_proxy};

/// `docs/cli.md` has the units of a socket and its service.
#[test]
fn systemd_accepts_the_units_in_the_documentation() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, page) = page.split_once("```ini\n# /etc/systemd/").unwrap();
    let (units, _) = page.split_once("```").unwrap();
    // Debian 12 has systemd 252, which knows no other type with a reload.
    assert!(units.contains("\nType=notify\n"), "{units}");
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_helvetisafe");
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify").current_dir(folder.path());
    for unit in units
        .split("# /etc/systemd/")
        .map(|it| it.trim_start_matches("system/"))
    {
        let (name, text) = unit.split_once('\n').unwrap();
        let text = text.replace("/usr/local/bin/helvetisafe", program);
        fs::write(folder.path().join(name), text).unwrap();
        verify.arg(format!("./{name}"));
    }
    // Not every machine has it.
    let Ok(output) = verify.output() else { return };
    let warnings = String::from_utf8_lossy(&output.stderr);
    let folder = folder.path().to_str().unwrap();
    let of_units = warnings
        .lines()
        .find(|line| line.contains(folder) || line.contains("secrets."));
    assert_eq!(of_units, None, "{warnings}");
}

/// The service manager, which receives the states of the agent.
struct Manager(UnixDatagram);

impl Manager {
    fn new(world: &World) -> Self {
        let socket = UnixDatagram::bind(world.folder.path().join("notify")).unwrap();
        let timeout = Some(Duration::from_secs(20));
        socket.set_read_timeout(timeout).unwrap();
        Self(socket)
    }

    fn next(&self) -> String {
        let mut message = [0; 512];
        let length = self.0.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    fn wait_for(&self, state: &str) -> String {
        loop {
            let message = self.next();
            if message.lines().any(|line| line == state) {
                return message;
            }
        }
    }
}

/// An account whose settings are all in a profile, for the vault behind a proxy.
fn configure(world: &World, proxy: &Proxy, more: &str) {
    let [(_, id), (_, secret), (_, key)] = world.credentials();
    world.write("secret", &secret, 0o600);
    let url = proxy.base_url();
    let config = format!(
        "[profiles.default]\nbase_url = \"{url}\"\nclient_id = \"{id}\"\n\
         client_secret_file = \"secret\"\nprivate_key_path = \"{key}\"\n{more}\n"
    );
    world.write("config.toml", &config, 0o600);
}

fn agent(world: &World) -> Command {
    let mut command = world.command();
    for name in ["BASE_URL", "CLIENT_ID", "CLIENT_SECRET", "PRIVATE_KEY_PATH"] {
        command.env_remove(format!("HELVETISAFE_{name}"));
    }
    command
        .env("HELVETISAFE_CONFIG", "config.toml")
        .env("NOTIFY_SOCKET", world.folder.path().join("notify"))
        .args(["agent", "--listen", "127.0.0.1:0", "--ttl", "1h"]);
    command
}

fn forwarding() -> Proxy {
    start_proxy(|_, _| Action::Forward)
}

#[test]
fn readiness_and_reloads_are_notified() {
    let world = World::new();
    world.set("KEY", "one");
    let (old, new) = (forwarding(), forwarding());
    configure(&world, &old, "");
    let manager = Manager::new(&world);
    let agent = Agent::spawn(&mut agent(&world));
    manager.wait_for("READY=1");
    assert_eq!(agent.get("/secret/KEY").body, json!({ "KEY": "one" }));

    // The secrets and the configuration are read again.
    world.set("KEY", "two");
    assert_eq!(agent.get("/secret/KEY").body, json!({ "KEY": "one" }));
    configure(&world, &new, "");
    agent.send("-HUP");
    let message = manager.wait_for("RELOADING=1");
    assert!(message.contains("MONOTONIC_USEC="), "{message}");
    manager.wait_for("READY=1");
    assert_eq!(agent.get("/secret/KEY").body, json!({ "KEY": "two" }));
    assert_eq!(new.count("GET", "/api/v1/secrets/KEY"), 1);

    // What fails changes nothing.
    world.set("KEY", "three");
    for more in ["timeout = \"x\"", "client_secret_file = \"none\""] {
        configure(&world, &old, more);
        agent.send("-HUP");
        manager.wait_for("RELOADING=1");
        manager.wait_for("READY=1");
        assert_eq!(agent.get("/secret/KEY").body, json!({ "KEY": "two" }));
    }
    configure(&world, &old, "");
    agent.send("-HUP");
    manager.wait_for("RELOADING=1");
    manager.wait_for("READY=1");
    assert_eq!(agent.get("/secret/KEY").body, json!({ "KEY": "three" }));
    assert_eq!(agent.terminate("-TERM"), Some(0));
    manager.wait_for("STOPPING=1");
}

#[test]
fn a_reload_hastens_a_start() {
    let world = World::new();
    world.set("KEY", "one");
    let down = start_proxy(|_, _| Action::Close);
    configure(&world, &down, "");
    let manager = Manager::new(&world);
    let agent = Agent::spawn(&mut agent(&world));
    let message = manager.next();
    assert!(message.contains("EXTEND_TIMEOUT_USEC="), "{message}");
    assert_eq!(agent.get("/ready").status, 503);
    let up = forwarding();
    configure(&world, &up, "");
    let begun = Instant::now();
    agent.send("-HUP");
    manager.wait_for("READY=1");
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(agent.get("/secret/KEY").body, json!({ "KEY": "one" }));
}

#[test]
fn the_watchdog_is_fed_while_the_agent_answers() {
    let world = World::new();
    configure(&world, &forwarding(), "");
    let manager = Manager::new(&world);
    let mut command = agent(&world);
    command.env("WATCHDOG_USEC", "300000");
    let agent = Agent::spawn(&mut command);
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    drop(agent);
    let mut command = self::agent(&world);
    command
        .env("WATCHDOG_USEC", "300000")
        .env("WATCHDOG_PID", "1");
    let agent = Agent::spawn(&mut command);
    agent.wait_until_ready();
    manager.wait_for("READY=1");
    thread::sleep(Duration::from_secs(1));
    manager.0.set_nonblocking(true).unwrap();
    assert!(
        manager.0.recv(&mut [0]).is_err(),
        "it is for another process"
    );
}

/// Starts the agent as systemd does: descriptor 3 is the socket.
fn activated(world: &World, socket: &str, arguments: &[&str]) -> Command {
    let script = format!(
        "import os, socket, sys\n\
         {socket}\n\
         os.dup2(s.fileno(), 3)\n\
         os.set_inheritable(3, True)\n\
         os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n\
         os.execvp('helvetisafe', ['helvetisafe', 'agent', '--no-token'] + sys.argv[1:])"
    );
    let mut command = Command::new("python3");
    world.prepare(&mut command);
    command.args(["-c", &script]).args(arguments);
    command.stdin(Stdio::null());
    command
}

#[test]
fn a_socket_of_systemd_is_served_and_left() {
    let world = World::new();
    world.set("KEY", "value");
    let network = "s = socket.create_server(('127.0.0.1', 0))";
    let agent = Agent::spawn(&mut activated(&world, network, &[]));
    agent.wait_until_ready();
    assert_eq!(agent.get("/secret/KEY").body, json!({ "KEY": "value" }));
    drop(agent);

    let local = "s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen()";
    let agent = Agent::spawn(&mut activated(&world, local, &[]));
    let ask = |path: &str| {
        let stream = UnixStream::connect(world.folder.path().join("s")).unwrap();
        Answer::read(stream, &format!("GET {path} HTTP/1.1\r\n\r\n"))
    };
    while ask("/ready").status != 200 {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask("/secret/KEY").body, json!({ "KEY": "value" }));
    assert_eq!(agent.terminate("-TERM"), Some(0));
    let left = fs::symlink_metadata(world.folder.path().join("s"));
    assert!(left.is_ok(), "systemd listens on it");
}

#[test]
fn a_socket_of_systemd_that_cannot_be_served_is_an_error() {
    let world = World::new();
    let local = "s = socket.create_server(('127.0.0.1', 0))";
    let address = format!("127.0.0.1:{}", free_port());
    for (socket, arguments, wanted) in [
        (local, &["--listen", &address][..], "leave --listen out"),
        (
            "s = socket.create_server(('0.0.0.0', 0))",
            &[],
            "0.0.0.0 is not a loopback address",
        ),
        (
            "s = socket.socket(type=socket.SOCK_DGRAM)",
            &[],
            "cannot use the socket of systemd",
        ),
        (
            "s = open('key.pem')",
            &[],
            "cannot use the socket of systemd",
        ),
    ] {
        let (status, messages) = ends(&mut activated(&world, socket, arguments));
        assert_eq!(status, Some(2), "{messages}");
        assert!(messages.contains(wanted), "{messages}");
    }
}
