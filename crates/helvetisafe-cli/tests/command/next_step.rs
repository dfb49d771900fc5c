//! The commands in lines with `next:`, run as they stand on the machine that they are for. The vault has TLS under an authority
//! of its own, and paths have spaces.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use helvetisafe_test_support::tls_server;
use tempfile::TempDir;

use crate::organization::ok;
use crate::world::{prepare, write_private};

/// Far more than a start takes on a busy machine.
const LATE: Duration = Duration::from_secs(60);

/// A vault, and a folder for each of its machines.
struct Stage {
    folder: TempDir,
    vault: Child,
    url: String,
}

impl Stage {
    /// `None`, with a message, if the program of the vault is not built.
    fn start() -> Option<Self> {
        let program =
            Path::new(env!("CARGO_BIN_EXE_helvetisafe")).with_file_name("helvetisafe-server");
        if !program.exists() {
            eprintln!("skipped: helvetisafe-server is not built");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let [authority, certificate, key] = tls_server::files("localhost");
        for machine in ["vault", "ada", "bob"] {
            fs::create_dir(folder.path().join(machine)).unwrap();
        }
        let write = |name: &str, text: &str| write_private(&folder.path().join(name), text, 0o600);
        write("ada/own ca.crt", &authority);
        write("vault/tls.crt", &certificate);
        write("vault/tls.key", &key);
        let vault = folder.path().join("vault");
        let init =
            "helvetisafe-server init --database sqlite:vault.db --token-file ../ada/bootstrap";
        ok(shell(&vault, init));
        let log = vault.join("log");
        let mut serve = Command::new(program);
        prepare(&mut serve, &vault);
        let serve = serve
            .args([
                "serve",
                "--database",
                "sqlite:vault.db",
                "--listen",
                "127.0.0.1:0",
            ])
            .args(["--tls-cert", "tls.crt", "--tls-key", "tls.key"])
            .stdin(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn();
        let mut stage = Self {
            folder,
            vault: serve.unwrap(),
            url: String::new(),
        };
        stage.url = format!("https://localhost:{}", port(&log));
        Some(stage)
    }

    fn machine(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.vault.kill();
        let _ = self.vault.wait();
    }
}

/// Waits until the vault serves.
fn port(log: &Path) -> u16 {
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap();
        let after = text
            .split_once("serves https://127.0.0.1:")
            .map(|(_, after)| after);
        if let Some((port, _)) = after.and_then(|after| after.split_once('\n')) {
            return port.trim().parse().unwrap();
        }
        assert!(begun.elapsed() < LATE, "{text}");
        sleep(Duration::from_millis(20));
    }
}

/// Runs a line as a shell does in the folder of a machine.
fn shell(machine: &Path, line: &str) -> Output {
    let mut command = Command::new("sh");
    prepare(&mut command, machine);
    let output = command.args(["-c", line]).stdin(Stdio::null()).output();
    output.unwrap()
}

/// Runs a line, and returns the commands in its line with `next:`.
fn advised<const N: usize>(machine: &Path, line: &str) -> [String; N] {
    let output = shell(machine, line);
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{line}: {messages}");
    let next = messages.lines().find(|line| line.contains("next: "));
    let commands = next.unwrap_or_default().split('`').skip(1).step_by(2);
    // A name in quotes is no command.
    let commands = commands.filter(|command| command.contains(' '));
    let commands: Vec<_> = commands.map(str::to_owned).collect();
    commands
        .try_into()
        .unwrap_or_else(|_| panic!("{line}: {messages}"))
}

#[test]
fn the_advised_commands_can_be_pasted() {
    let Some(stage) = Stage::start() else {
        return;
    };
    let [ada, bob] = ["ada", "bob"].map(|name| stage.machine(name));
    let config = "--config 'ada keys/config.toml'";
    let create = format!(
        "helvetisafe org create --base-url {} --ca-certificate 'own ca.crt' --token-file bootstrap --output-dir 'ada keys' \
         --name ada",
        stage.url
    );
    let [invite] = advised(&ada, &create);
    let invite = invite.replace("NAME", "bob");
    let [join, confirm] = advised(&ada, &format!("{invite} --output bob.code"));
    for file in ["bob.code", "ada keys/ca-certificate.pem"] {
        let copy = bob.join(Path::new(file).file_name().unwrap());
        fs::copy(ada.join(file), copy).unwrap();
    }
    let [check, delete] = advised(&bob, &join);
    ok(shell(&ada, &format!("{confirm} --yes")));
    ok(shell(&bob, &check));
    ok(shell(&bob, &delete));
    assert!(!bob.join("bob.code").exists());

    let token = format!("helvetisafe token create ci --scopes reader --output 'ci token' {config}");
    let [init] = advised(&ada, &token);
    ok(shell(&ada, &init));
    let list = format!("helvetisafe list --profile ci {config}");
    ok(shell(&ada, &list));
    // A token without a file is stored as it says.
    let token = format!("helvetisafe token create other --scopes reader {config} > other.token");
    let [init] = advised(&ada, &format!("umask 077; {token}"));
    ok(shell(&ada, &init));

    let kit = format!("helvetisafe org recovery-kit --output-dir 'the kit' {config}");
    let [check, disable] = advised(&ada, &kit);
    ok(shell(&ada, &check));
    // The page of the kit has the certificate authority for the machine of the new administrator.
    let page = ok(shell(&ada, "cat 'the kit/README.txt'"));
    for command in [
        "helvetisafe --config config.toml org invite ",
        "helvetisafe join ",
    ] {
        let line = page.lines().find(|it| it.trim().starts_with(command));
        ok(shell(
            &ada,
            &format!("cd 'the kit'; {}", line.unwrap().trim()),
        ));
    }
    let [rotate] = advised(&ada, &format!("{disable} --yes"));
    ok(shell(&ada, &format!("{rotate} --yes")));
    ok(shell(&ada, &list));
}
