//! The shell commands of README.md that use the command against a vault, run with the built programs.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const README: &str = include_str!("../../../README.md");
const START_VAULT: &str = "cargo run -p helvetisafe-server -- dev";

/// `cargo test --workspace` builds both programs. Without them, such as in a run of this package alone, the
/// test prints so and passes.
#[test]
fn the_shell_commands_of_the_readme_work() {
    let (_, block) = README.split_once(START_VAULT).unwrap();
    let (_, commands) = block.split_once('\n').unwrap();
    let (commands, _) = commands.split_once("```").unwrap();
    let test = std::env::current_exe().unwrap();
    let programs = test.ancestors().nth(2).unwrap();
    let server = programs.join("helvetisafe-server");
    if !server.exists() || !programs.join("helvetisafe").exists() {
        eprintln!("skipped: the command or the vault is not built");
        return;
    }

    let home = tempfile::tempdir().unwrap();
    let mut vault = Command::new(server)
        .args(["dev", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(vault.stdout.take().unwrap()).lines();
    let variables: Vec<_> = lines.take(5).map(Result::unwrap).collect();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-ec", &format!("{}\n{commands}", variables.join("\n"))])
        .env_clear()
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("HOME", home.path())
        .current_dir(home.path())
        .output();
    vault.kill().unwrap();
    vault.wait().unwrap();
    let output = output.unwrap();
    // `get` adds no line break in a pipe.
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "s3cr3t-v@luethe program sees s3cr3t-v@lue\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
