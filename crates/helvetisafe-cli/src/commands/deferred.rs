//! Arguments of a command that are built only when the command is used.
//!
//! A parser with the arguments of all commands takes 1 MB and some milliseconds; a start needs those of one command.

use std::ops::Deref;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, Subcommand};

/// The arguments, or the subcommands, of a command.
///
/// The two parsers that clap's traits describe differ in them: the one of `augment_…`, for help, manual and completions,
/// has them all, and the one of `augment_…_for_update` builds them when the command is found on the command line. The
/// second adds them after the global options, which changes their order in a help text, so it writes none.
pub(crate) struct Deferred<A>(pub(crate) A);

impl<A: Args> Args for Deferred<A> {
    fn augment_args(command: Command) -> Command {
        A::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(A::augment_args)
    }
}

impl<A: Subcommand> Subcommand for Deferred<A> {
    fn augment_subcommands(command: Command) -> Command {
        A::augment_subcommands(command)
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        command.defer(A::augment_subcommands)
    }

    fn has_subcommand(name: &str) -> bool {
        A::has_subcommand(name)
    }
}

impl<A: FromArgMatches> FromArgMatches for Deferred<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        A::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        A::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<A> Deref for Deferred<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}
