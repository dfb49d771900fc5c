//! The command that sets the new value elsewhere.

use std::ffi::OsString;

use helvetisafe::KeyName;
use secrecy::ExposeSecret;

use super::pending::Pending;
use crate::commands::launch::Program;
use crate::failure::{Failure, Status};
use crate::process::remove_our_variables;

/// A command that was found, but not started.
pub(super) struct Hook(Program);

impl Hook {
    /// Searches the program, so that a wrong name is noticed before anything is written. `None` without one.
    pub(super) fn find(argv: &[OsString]) -> Result<Option<Self>, Failure> {
        if argv.is_empty() {
            return Ok(None);
        }
        let prepared = Program::new(argv)?;
        match prepared.check_found() {
            Ok(()) => Ok(Some(Self(prepared))),
            Err(failure) => Err(failure.with_status(Status::Usage as u8)),
        }
    }

    /// Fails if no environment can hold one of the values.
    #[expect(
        clippy::unused_self,
        reason = "without a command, any value can be rotated"
    )]
    pub(super) fn check(&self, pending: &Pending) -> Result<(), Failure> {
        let values = [&pending.old, &pending.new];
        if values
            .iter()
            .any(|value| value.expose_secret().contains('\0'))
        {
            return Err(Failure::usage(
                "a value contains NUL, which no environment can hold, so no command can get it; leave the \
                 command out",
            ));
        }
        Ok(())
    }

    /// Runs the program with both values in its environment, but without the credentials of this command. Fails
    /// unless it ends with status 0.
    pub(super) fn run(mut self, key: &KeyName, pending: &Pending) -> Result<(), Failure> {
        let command = self.0.command();
        remove_our_variables(command);
        command
            .env("HELVETISAFE_KEY", key.as_str())
            .env("HELVETISAFE_OLD_VALUE", pending.old.expose_secret())
            .env("HELVETISAFE_NEW_VALUE", pending.new.expose_secret());
        if let Some(field) = &pending.field {
            command.env("HELVETISAFE_FIELD", field);
        }
        let name = self.0.name().to_owned();
        self.0
            .start(true)
            .map_err(|failure| match failure.message() {
                Some(message) => Failure::other(message),
                None => Failure::other(format_args!(
                    "{name} ended with status {}",
                    failure.status()
                )),
            })
    }
}
