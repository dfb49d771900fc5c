//! `completions SHELL`.
//!
//! The scripts for bash, fish and zsh ask the command itself: see [`super::complete`]. Those for other shells
//! are made from the parser.

use clap_complete::Shell;

use crate::failure::Failure;
use crate::ui::output::Output;

const EXAMPLES: &str = "\
Examples:
  mkdir -p ~/.local/share/bash-completion/completions
  helvetisafe completions bash > ~/.local/share/bash-completion/completions/helvetisafe
  mkdir -p ~/.zfunc                     (and in ~/.zshrc, before compinit: fpath+=(~/.zfunc))
  helvetisafe completions zsh > ~/.zfunc/_helvetisafe
  mkdir -p ~/.config/fish/completions
  helvetisafe completions fish > ~/.config/fish/completions/helvetisafe.fish";

/// Print the completions for a shell. No network.
///
/// In bash, fish and zsh, the names of secrets and profiles are completed too, and after -- a program and its
/// arguments. The names are those that commands of this user on a terminal have listed, read or written.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut program: clap::Command, output: &Output) -> Result<(), Failure> {
    match args.shell {
        Shell::Bash => output.bytes(include_bytes!("completions/helvetisafe.bash")),
        Shell::Fish => output.bytes(include_bytes!("completions/helvetisafe.fish")),
        Shell::Zsh => output.bytes(include_bytes!("completions/helvetisafe.zsh")),
        shell => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut program, "helvetisafe", &mut script);
            output.bytes(&script)
        }
    }
}
