//! `completions SHELL`.

use clap_complete::Shell;

use crate::failure::Failure;
use crate::ui::output::Output;

const EXAMPLES: &str = "\
Examples:
  helvetisafe completions bash > ~/.local/share/bash-completion/completions/helvetisafe
  helvetisafe completions zsh > \"${fpath[1]}/_helvetisafe\"
  helvetisafe completions fish > ~/.config/fish/completions/helvetisafe.fish";

/// Print the completions for a shell. No network.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut program: clap::Command, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "helvetisafe", &mut script);
    output.bytes(&script)
}
