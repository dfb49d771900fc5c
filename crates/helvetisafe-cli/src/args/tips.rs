//! Tips for commands and options that other tools have under another name.

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;

/// A tip, and the names that it is for.
type Tip = (&'static [&'static str], &'static str);

/// Commands of other tools.
const COMMANDS: [Tip; 20] = [
    (
        &["exec"],
        "`run` starts a program with secrets in its environment",
    ),
    (
        &["env", "printenv", "dump", "download", "pull"],
        "`export` prints secrets for other programs",
    ),
    (
        &["show", "view", "print", "reveal", "fetch"],
        "`get` prints the value of a secret",
    ),
    (
        &["add", "new"],
        "`set` writes a secret; `create` too, but fails if it exists",
    ),
    (
        &["store", "put", "write", "save"],
        "`set` writes a secret; `create` too, but fails if it exists",
    ),
    (
        &["generate", "gen"],
        "`set KEY --generate` writes a random value",
    ),
    (
        &["unset", "remove", "del", "destroy", "erase"],
        "`delete` deletes secrets",
    ),
    (
        &["secrets", "secret", "keys", "find", "search"],
        "`list` prints the names of the secrets; `get`, `set` and `delete` take a name",
    ),
    (
        &["serve", "server", "proxy"],
        "`agent` serves secrets to programs of this machine; the program `helvetisafe-server` is the vault",
    ),
    (
        &["login", "signin", "auth", "setup", "configure"],
        "`init` writes a profile: the vault, the credential and the key",
    ),
    (
        &["logout", "signout"],
        "`config remove` removes a profile and its credential",
    ),
    (
        &["whoami", "me"],
        "`account show` prints the account; `doctor` checks the connection, the credential and the key",
    ),
    (
        &["status", "ping", "validate", "verify"],
        "`doctor` checks the connection, the credential and the key; `check` verifies a project file",
    ),
    (&["template", "tpl", "render"], "`inject` fills a template"),
    (
        &["upload", "load", "push"],
        "`import` writes the secrets of a file",
    ),
    (
        &["history", "log", "logs"],
        "`audit` prints the record of administrative acts",
    ),
    (&["invite"], "`org invite` invites a person or a service"),
    (&["members", "users"], "`org members` lists the members"),
    (&["tokens"], "`token list` lists the API tokens"),
    (&["version"], "`--version` prints the version"),
];

/// Options of other tools, by the commands.
const OPTIONS: [(&[&str], Tip); 5] = [
    (
        &["agent"],
        (
            &["--port", "--host", "--bind", "--address", "--addr"],
            "`--listen ADDRESS:PORT` sets the address and the port",
        ),
    ),
    (
        &["agent"],
        (&["--socket"], "`--listen unix:PATH` makes a socket"),
    ),
    (&["delete"], (&["--force"], "`--yes` asks no question")),
    (
        &["token"],
        (&["--scope"], "`--scopes` takes one or several"),
    ),
    (
        &["set", "create", "update", "rotate"],
        (
            &["--value", "--data", "--password", "--secret"],
            "a value cannot be an argument, which every user of this machine can see: pipe it in, or use \
             `--value-file`; if it is in use, replace it",
        ),
    ),
];

/// Options of other tools, for all commands.
const GLOBAL_OPTIONS: [Tip; 5] = [
    (
        &["--log-level", "--loglevel", "--debug", "--trace"],
        "`-v` logs each request to standard error",
    ),
    (&["--silent"], "`--quiet` prints no notes"),
    (
        &["--url", "--addr", "--address", "--server", "--api-url"],
        "`--base-url` is the URL of the vault",
    ),
    (
        &["--token", "--api-token"],
        "`--api-token-file` reads a token from a file: every user of this machine can see arguments",
    ),
    (
        &[
            "--insecure",
            "--insecure-skip-verify",
            "--skip-tls-verify",
            "--tls-skip-verify",
        ],
        "certificates are always verified; `--ca-certificate` trusts one more authority",
    ),
];

/// Replaces the suggestions of the parser, which go by similar letters, where a command or an option of another tool is
/// meant. Hidden commands are never suggested.
pub(super) fn add(mut error: clap::Error, command: &str) -> clap::Error {
    let Some(tip) = tip(&error, command) else {
        remove_hidden(&mut error);
        return error;
    };
    error.remove(ContextKind::SuggestedSubcommand);
    error.remove(ContextKind::SuggestedArg);
    let tips = ContextValue::StyledStrs(vec![tip.into()]);
    error.insert(ContextKind::Suggested, tips);
    error
}

fn tip(error: &clap::Error, command: &str) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::InvalidSubcommand if command.is_empty() => {
            find(&COMMANDS, text(error, ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::UnknownArgument => for_option(command, text(error, ContextKind::InvalidArg)?),
        ErrorKind::MissingRequiredArgument if command == "inject" => Some(
            "TEMPLATE is a file to fill, - for standard input; `--env-file FILE` writes lines KEY=VALUE without a \
             template",
        ),
        _ => None,
    }
}

/// Returns the tip for an option that a command does not have.
pub(super) fn for_option(command: &str, option: &str) -> Option<&'static str> {
    let of_command = OPTIONS.iter().filter(|(of, _)| of.contains(&command));
    let mut of_command = of_command.filter_map(|(_, tip)| find(&[*tip], option));
    of_command.next().or_else(|| find(&GLOBAL_OPTIONS, option))
}

fn find(tips: &[Tip], name: &str) -> Option<&'static str> {
    let found = tips.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, tip)| *tip)
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

/// Removes hidden commands from the suggestions of the parser.
fn remove_hidden(error: &mut clap::Error) {
    let Some(ContextValue::Strings(names)) = error.remove(ContextKind::SuggestedSubcommand) else {
        return;
    };
    let program = Cli::command();
    let is_hidden = |name: &String| {
        let command = program.find_subcommand(name);
        command.is_some_and(clap::Command::is_hide_set)
    };
    let shown: Vec<_> = names.into_iter().filter(|name| !is_hidden(name)).collect();
    if !shown.is_empty() {
        let shown = ContextValue::Strings(shown);
        error.insert(ContextKind::SuggestedSubcommand, shown);
    } else if matches!(error.get(ContextKind::Suggested), Some(ContextValue::StyledStrs(tips)) if tips.is_empty())
    {
        // It would be an empty line.
        error.remove(ContextKind::Suggested);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn rendered(line: &str) -> String {
        let words = ["helvetisafe"].into_iter().chain(line.split(' '));
        let error = Cli::try_parse_from(words).err().unwrap();
        let command = line.split_once(" --").map_or("", |(command, _)| command);
        add(error, command).render().to_string()
    }

    #[test]
    fn a_command_of_another_tool_leads_to_the_one_here() {
        for (line, wanted) in [
            ("serve", "`agent`"),
            ("exec", "`run`"),
            ("env", "`export`"),
            ("view", "`get`"),
            ("add", "`set`"),
            ("whoami", "`account show`"),
            ("login", "`init`"),
            ("store", "`set`"),
            ("unset", "`delete`"),
            ("remove", "`delete`"),
            ("secrets", "`list`"),
            ("agent --port 1", "`--listen"),
            ("get --log-level debug", "`-v`"),
            ("get --insecure", "`--ca-certificate`"),
            ("inject --output x.env", "`--env-file FILE`"),
        ] {
            let text = rendered(line);
            assert!(text.contains(wanted), "{text}");
            assert!(!text.contains("similar"), "{text}");
        }
    }

    #[test]
    fn hidden_commands_are_never_suggested() {
        for line in ["unseal", "intern", "internl", "interna"] {
            let text = rendered(line);
            assert!(!text.contains("internal"), "{text}");
        }
        let text = rendered("gett");
        assert!(text.contains("similar") && text.contains("'get'"), "{text}");
    }

    #[test]
    fn no_tip_hides_a_command_or_an_option() {
        let mut program = Cli::command();
        program.build();
        for name in COMMANDS.iter().flat_map(|(names, _)| *names) {
            assert!(program.find_subcommand(name).is_none(), "{name}");
        }
        let options = program
            .get_subcommands()
            .flat_map(clap::Command::get_arguments);
        let options: Vec<_> = options.filter_map(|it| it.get_long()).collect();
        for name in GLOBAL_OPTIONS.iter().flat_map(|(names, _)| *names) {
            assert!(!options.contains(&name.trim_start_matches('-')), "{name}");
        }
    }
}
