//! Completions of a word, for the scripts of `completions`. The engine of `clap_complete` knows the options and
//! their values; names of secrets, members and profiles come from files of this user, never from the vault.

use std::ffi::{OsStr, OsString};

use clap::FromArgMatches;
use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, complete};

use crate::failure::Failure;
use crate::session::name_index::{self, Kind};
use crate::settings::{Profile, Settings, SettingsArgs};
use crate::ui::output::Output;

/// The line that asks the shell for files: it knows better how to quote them.
const FILES: &str = ":files";

/// Prints the completions of the last word.
pub(super) fn run(words: &[OsString], program: Command, output: &Output) -> Result<(), Failure> {
    let Some(current) = words.last() else {
        return Ok(());
    };
    let mut program = with_names(program, words);
    let words = words.to_vec();
    let (at, is_option) = (
        words.len() - 1,
        current.as_encoded_bytes().starts_with(b"-"),
    );
    let candidates = complete(&mut program, words, at, None).unwrap_or_default();
    let has_values = candidates.iter().any(|it| !is_flag(it));
    let mut lines = String::new();
    for candidate in candidates {
        let value = candidate.get_value().to_string_lossy();
        if value.ends_with(FILES) {
            return output.line(FILES);
        }
        // Options are offered where nothing else is, or where one was begun.
        if is_option || !is_flag(&candidate) || !has_values {
            let help = candidate
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let help = help.lines().next().unwrap_or_default();
            lines += &format!("{value}\t{help}\n");
        }
    }
    output.bytes(lines.as_bytes())
}

fn is_flag(candidate: &CompletionCandidate) -> bool {
    candidate.get_value().as_encoded_bytes().starts_with(b"-")
}

/// Adds the names of secrets and profiles to the arguments that take them.
fn with_names(program: Command, words: &[OsString]) -> Command {
    let settings = settings(program.clone(), words);
    let url = settings.as_ref().and_then(Settings::url);
    let known = |kind| {
        let url = url.as_ref();
        url.map(|url| name_index::names(kind, url))
            .unwrap_or_default()
    };
    let (keys, members) = (known(Kind::Secrets), known(Kind::Members));
    let profiles = settings.as_ref().map(Profile::names).unwrap_or_default();
    let add = move |arg: Arg| {
        let names = match (arg.get_id().as_str(), value_name(&arg)) {
            ("profile", _) | (_, Some("PROFILE")) => &profiles,
            (_, Some("KEY")) => &keys,
            ("member", _) => &members,
            _ if takes_path(&arg) => return arg.add(ArgValueCompleter::new(files)),
            _ => return arg,
        };
        let names = names.clone();
        arg.add(ArgValueCandidates::new(move || {
            names.iter().map(CompletionCandidate::new).collect()
        }))
    };
    with_members(everywhere(program, &add), &known)
}

/// Adds the names of members and invitations to the verbs of `org` that take one.
fn with_members(program: Command, known: &impl Fn(Kind) -> Vec<String>) -> Command {
    let verbs = [
        ("confirm", Kind::Invitations),
        ("withdraw", Kind::Invitations),
        ("disable", Kind::Members),
    ];
    program.mut_subcommand("org", |org| {
        verbs.into_iter().fold(org, |org, (verb, kind)| {
            let names = known(kind);
            let offer = move || names.iter().map(CompletionCandidate::new).collect();
            org.mut_subcommand(verb, |verb| {
                verb.mut_arg("name", |arg| arg.add(ArgValueCandidates::new(offer)))
            })
        })
    })
}

/// Changes the arguments of a command, and of those below it.
fn everywhere(command: Command, change: &(impl Fn(Arg) -> Arg + Clone)) -> Command {
    let command = command.mut_args(change.clone());
    command.mut_subcommands(|below| everywhere(below, change))
}

fn value_name(arg: &Arg) -> Option<&str> {
    arg.get_value_names()?.first().map(|name| name.as_str())
}

fn takes_path(arg: &Arg) -> bool {
    matches!(
        arg.get_value_hint(),
        ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath
    )
}

fn files(_: &OsStr) -> Vec<CompletionCandidate> {
    vec![CompletionCandidate::new(FILES)]
}

/// Returns the settings that the words before the last one choose.
fn settings(program: Command, words: &[OsString]) -> Option<SettingsArgs> {
    let (_, before) = words.split_last()?;
    let matches = program
        .ignore_errors(true)
        .try_get_matches_from(before)
        .ok()?;
    let below = matches.subcommand().map(|(_, below)| below);
    SettingsArgs::from_arg_matches(below.unwrap_or(&matches)).ok()
}
