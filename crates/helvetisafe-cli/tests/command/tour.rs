//! `docs/tour.md` is the recording of a session in a shell on a terminal. With `TRANSCRIPTS=write` in the environment it
//! is written, otherwise compared.

use std::fs;
use std::path::Path;
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use crate::transcript::{is_written, normalized};
use crate::world::{World, prepare};

const PROMPT: &str = "$ ";

const HEAD: &str = "\
# A tour of the command

A recording of a shell on a terminal, with a vault on the same machine. A test plays it and compares it with this page, so it
shows what the command prints today. The environment has `PATH`, `HOME`, `PS1` and `TERM=dumb`, a terminal without colours, and
no variable of `helvetisafe`. What is typed stands after each `$` and each question; answers to hidden questions do not appear,
as on the screen. Values that differ each time are replaced: `[URL]` of the vault, `[CLIENT_ID]`, `[FINGERPRINT]` of the org
key, `[DIR]`, the home folder, and `[TIME]`. [The command](cli.md) explains all of it.
";

/// A command, and its answers to questions.
struct Step {
    text: &'static str,
    command: &'static str,
    /// The end of each question, and the name of the value that answers it, or the answer.
    answers: &'static [(&'static str, &'static str)],
}

const STEPS: [Step; 6] = [
    Step {
        text: "`init` asks for the vault, the credential and the key, checks them, and writes a profile.",
        command: "helvetisafe init",
        answers: &[
            ("Name of the profile [default]: ", ""),
            ("URL of the vault: ", "[URL]"),
            ("or nothing for an API token: ", "[CLIENT_ID]"),
            ("Client secret: ", "[CLIENT_SECRET]"),
            (
                "or nothing if the vault stores it under a password: ",
                "~/key.pem",
            ),
        ],
    },
    Step {
        text: "A value is typed at a hidden prompt, or piped, or generated with `--generate`; it is never an argument. The first use \
               remembers\nthe org key.",
        command: "helvetisafe set DATABASE_PASSWORD",
        answers: &[
            ("Value of DATABASE_PASSWORD: ", "correct horse battery"),
            ("again: ", "correct horse battery"),
        ],
    },
    Step {
        text: "A program gets it in its environment.",
        command: "helvetisafe run --key DATABASE_PASSWORD -- sh -c 'echo ${#DATABASE_PASSWORD} characters'",
        answers: &[],
    },
    Step {
        text: "`doctor` checks everything, from the configuration to the org key.",
        command: "helvetisafe doctor",
        answers: &[],
    },
    Step {
        text: "A failure says what to do, and its status has a meaning of its own.",
        command: "helvetisafe get DATABASE_PASWORD",
        answers: &[],
    },
    Step {
        text: "",
        command: "echo $?",
        answers: &[],
    },
];

/// Starts a shell with the owner's key in its home folder.
fn shell(world: &World) -> PtySession {
    let mut command = Command::new("sh");
    // The session begins without an echo of what is typed.
    command.args(["-c", "stty echo && exec sh -i"]);
    prepare(&mut command, world.folder.path());
    command.env("PS1", PROMPT).env("TERM", "dumb");
    let mut session = spawn_command(command, Some(60_000)).unwrap();
    session.exp_string(PROMPT).unwrap();
    session
}

/// Plays a step, and returns everything that the terminal shows.
fn play(session: &mut PtySession, step: &Step, names: &[(&str, String)]) -> String {
    let mut shown = PROMPT.to_owned();
    session.send_line(step.command).unwrap();
    for (question, answer) in step.answers {
        shown += &session.exp_string(question).unwrap();
        shown += question;
        let value = |(name, _): &&(&str, String)| format!("[{name}]") == **answer;
        let value = names.iter().find(value);
        let answer = value.map_or(*answer, |(_, value)| value);
        session.send_line(answer).unwrap();
    }
    shown += &session.exp_string(PROMPT).unwrap();
    let lines = shown.lines().map(settled);
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns a line without white space at its end, and without a progress bar, which slow work shows and then erases.
fn settled(line: &str) -> &str {
    let erased = line.rsplit("\u{1b}[2K").next().unwrap_or(line);
    erased.trim_end()
}

/// Returns the page with the recording.
fn record(world: &World) -> String {
    let mut names = world.names();
    names.push(("FINGERPRINT", world.fingerprint()));
    let mut session = shell(world);
    let mut page = HEAD.to_owned();
    for step in &STEPS {
        let shown = normalized(&play(&mut session, step, &names), &names);
        for secret in ["[CLIENT_SECRET]", "horse"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        match step.text {
            "" => page.truncate(page.len() - "```\n".len()),
            text => page += &format!("\n{text}\n\n```console\n"),
        }
        page += &format!("{}\n```\n", shown.trim_end());
    }
    // The shell ignores the signal that would end it.
    session.send_line("exit").unwrap();
    session.exp_eof().unwrap();
    page
}

#[test]
fn the_tour_in_the_documentation_is_a_recording() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tour.md");
    let page = record(&World::new());
    if is_written() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), page);
}
