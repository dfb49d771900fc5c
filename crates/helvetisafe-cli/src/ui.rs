//! Everything the user sees or types: results, messages, prompts, and what arguments have in common.

pub(crate) mod clipboard;
pub(crate) mod duration;
pub(crate) mod expiry;
pub(crate) mod held;
pub(crate) mod in_flight;
pub(crate) mod input_file;
mod interruption;
pub(crate) mod key_names;
pub(crate) mod lasting;
pub(crate) mod messages;
pub(crate) mod output;
pub(crate) mod output_file;
pub(crate) mod progress;
pub(crate) mod prompt;
pub(crate) mod secret_input;
pub(crate) mod similar;
pub(crate) mod table;
pub(crate) mod terminal;
pub(crate) mod toml_mistake;

use clap::Args;

use messages::Messages;
use output::Output;
use terminal::ColorChoice;

/// The options that decide what is printed.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct UiArgs {
    /// Print JSON; its shape is documented and stable.
    #[arg(long, global = true)]
    json: bool,
    /// Print no notes: only results, warnings and failures.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Log each request, its time and its retries to standard error; never a credential.
    #[arg(long, short, global = true)]
    verbose: bool,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

/// The results and the messages of a command.
pub(crate) struct Ui {
    /// Set if results are JSON.
    pub(crate) json: bool,
    pub(crate) output: Output,
    pub(crate) messages: Messages,
}

impl Ui {
    pub(crate) fn new(args: &UiArgs) -> Self {
        Self {
            json: args.json,
            output: Output::new(args.color),
            messages: Messages::new(args.quiet, args.verbose, args.color),
        }
    }
}
