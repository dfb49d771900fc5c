//! The options that select secrets.

use clap::builder::NonEmptyStringValueParser;

/// The secrets to use.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Secrets")]
pub(in crate::commands) struct SelectionArgs {
    /// A secret, as a variable of its own name. A multi-field secret becomes one variable for each
    /// field, named by the field.
    #[arg(long = "key", value_name = "KEY")]
    pub(super) keys: Vec<String>,
    /// All listed secrets whose keys begin with this.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub(super) prefix: Option<String>,
    /// A secret as a variable of another name: a multi-field secret as its JSON text, or one field.
    #[arg(long = "env", value_name = "NAME=KEY[.FIELD]")]
    pub(super) renamed: Vec<String>,
    /// All listed secrets. Without any of these four: the secrets that HELVETISAFE_SECRET_KEYS
    /// names, separated by commas; without it all. The variable also limits --prefix.
    #[arg(long, conflicts_with_all = ["keys", "prefix"])]
    pub(super) all: bool,
    /// Allow a variable of this name, such as PATH, though it changes what programs do.
    #[arg(long = "allow-name", value_name = "NAME")]
    pub(super) allowed: Vec<String>,
}
