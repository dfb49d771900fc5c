//! The options that select secrets.

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;

use super::project::Project;
use crate::failure::Failure;
use crate::once::get_or_make;
use crate::ui::messages::Messages;

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
    /// All listed secrets. Without an option that selects: the secrets that HELVETISAFE_SECRET_KEYS names,
    /// separated by commas, which also limits --prefix; else the variables of the project file; else all.
    #[arg(long, conflicts_with_all = ["keys", "prefix"])]
    pub(super) all: bool,
    /// Leave this secret out, however it is selected; --env still makes variables of it.
    #[arg(long = "exclude", value_name = "KEY")]
    pub(super) excluded: Vec<String>,
    /// Allow a variable of this name, such as PATH, though it changes what programs do.
    #[arg(long = "allow-name", value_name = "NAME")]
    pub(super) allowed: Vec<String>,
    /// The variables of this project file, besides those of the other options [without an option: the
    /// file helvetisafe.toml of the working directory, or of the nearest folder above it].
    #[arg(long, value_name = "FILE")]
    project: Option<PathBuf>,
    /// Search for no project file.
    #[arg(long, conflicts_with = "project")]
    no_project: bool,
    /// The project file, which is read once.
    #[arg(skip)]
    read: OnceCell<Option<Project>>,
}

impl SelectionArgs {
    /// Returns the project file that the user named.
    pub(super) fn named_project(&self, messages: Messages) -> Result<Option<&Project>, Failure> {
        match &self.project {
            Some(file) => self.once(|| Project::read(file, messages).map(Some)),
            None => Ok(None),
        }
    }

    /// Returns the project file of the working directory, or of the nearest folder above it.
    pub(super) fn found_project(&self, messages: Messages) -> Result<Option<&Project>, Failure> {
        match self.no_project {
            true => Ok(None),
            false => self.once(|| Project::find(messages)),
        }
    }

    fn once(
        &self,
        read: impl FnOnce() -> Result<Option<Project>, Failure>,
    ) -> Result<Option<&Project>, Failure> {
        get_or_make(&self.read, read).map(Option::as_ref)
    }
}
