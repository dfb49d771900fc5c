//! `sync` in a build without the feature `kubernetes`: a failure with advice.

use crate::failure::Failure;
use crate::session::Vault;
use crate::ui::Ui;

const EXAMPLES: &str = "\
Examples:
  cargo install --path crates/helvetisafe-cli --features kubernetes";

/// Write secrets into a Kubernetes Secret (this build cannot: it lacks the feature `kubernetes`).
///
/// The image of deploy/Dockerfile has it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _ignored: Vec<std::ffi::OsString>,
}

pub(crate) fn run(_: &Args, _: &Vault, _: &Ui) -> Result<(), Failure> {
    Err(Failure::usage(
        "this command was built without the feature `kubernetes`, which `sync` needs; install it with \
         --features kubernetes, or use the image",
    ))
}
