//! The commands `serve` and `check`: their options are the settings of the library.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use helvetisafe_server::Error;
use helvetisafe_server::serve::{
    Config, Ending, Given, Kind, Origin, Problem, SETTINGS, Setting, check, run, unknown_variables,
};

/// The status for settings that are wrong, as for wrong arguments.
const USAGE: u8 = 2;

/// Returns the command `serve`.
pub(super) fn serve_command() -> Command {
    let about = "Serve a vault for an organization";
    let long = "Serve a vault for an organization.\n\nEach setting is an option, a variable HELVETISAFE_SERVER_NAME, \
                or a member of the TOML file of --config. An option overrides its variable, and a variable the file. \
                SIGTERM or Ctrl-C makes /ready answer 503 and stops the vault after --drain-delay; a second one \
                ends it at once. SIGHUP loads the certificate again.";
    Command::new("serve")
        .about(about)
        .long_about(long)
        .args(arguments())
}

/// Returns the command `check`.
pub(super) fn check_command() -> Command {
    let about =
        "Verify the settings, certificate, addresses and database of serve, without serving";
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue);
    Command::new("check")
        .about(about)
        .args(arguments())
        .arg(json.help("Print an object with the members ok and checks"))
}

fn arguments() -> impl Iterator<Item = Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .env("HELVETISAFE_SERVER_CONFIG")
        .value_parser(value_parser!(PathBuf))
        .help("A TOML file whose members are the options below, without dashes before their names");
    [config].into_iter().chain(SETTINGS.iter().map(argument))
}

fn argument(setting: &'static Setting) -> Arg {
    let arg = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value_name)
        .env(setting.variable)
        .help(setting.help);
    match setting.kind {
        Kind::List => arg.action(ArgAction::Append).value_delimiter(','),
        Kind::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => arg,
    }
}

/// Runs `serve`.
pub(super) fn serve(matches: &ArgMatches) -> ExitCode {
    let unknown = unknown();
    let config = match Config::resolve(given(matches), file(matches)) {
        Ok(config) if unknown.is_empty() => config,
        resolved => {
            let problems = resolved.err().unwrap_or_default();
            return refuse(&[unknown, problems].concat());
        }
    };
    match run(config) {
        Ok(Ending::Clean) => ExitCode::SUCCESS,
        // The log has the reason.
        Err(Error::Certificate(_)) => ExitCode::from(USAGE),
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

fn refuse(problems: &[Problem]) -> ExitCode {
    problems
        .iter()
        .for_each(|problem| crate::report_error(problem));
    ExitCode::from(USAGE)
}

/// Runs `check`. The report goes to standard output.
pub(super) fn report(matches: &ArgMatches) -> ExitCode {
    let mut report = check(given(matches), file(matches));
    report.refuse(&unknown());
    let text = if matches.get_flag("json") {
        serde_json::to_string_pretty(&report).map(|text| text + "\n")
    } else {
        Ok(report.to_string())
    };
    let written = text
        .map_err(io::Error::from)
        .and_then(|text| io::stdout().write_all(text.as_bytes()));
    match written {
        Ok(()) if report.ok => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            crate::report_error(&format_args!("cannot write the report: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Returns the unknown variables.
fn unknown() -> Vec<Problem> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    unknown_variables(names)
}

fn file(matches: &ArgMatches) -> Option<&Path> {
    matches.get_one::<PathBuf>("config").map(PathBuf::as_path)
}

/// Returns the settings of the command line and the environment.
fn given(matches: &ArgMatches) -> Vec<Given> {
    let given = SETTINGS.iter().filter_map(|setting| {
        let origin = match matches.value_source(setting.name)? {
            ValueSource::EnvVariable => Origin::Variable,
            _ => Origin::Flag,
        };
        let values = matches.get_many::<String>(setting.name)?;
        Some(setting.given(values.cloned().collect(), origin))
    });
    given.collect()
}
