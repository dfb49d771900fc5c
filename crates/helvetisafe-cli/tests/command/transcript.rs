//! Runs the files in `tests/transcripts`: arguments, standard input, standard output, standard
//! error, status.
//!
//! | line | is |
//! |---|---|
//! | `# text` | a comment |
//! | `file NAME MODE`, then lines `= text` | a file to create |
//! | `$ NAME=VALUE… PROGRAM ARGUMENT…` | a program to run; words may be in single or double quotes |
//! | `< text` | a line of its standard input; `<~ text` one without a line end |
//! | `> text` | a line of its standard output; `>~ text` one without a line end |
//! | `! text` | a line of its standard error |
//! | `? N` | its status; without this line 0 |
//! | `serve` | starts `helvetisafe-server serve`, in `life.txt` |
//!
//! `[NAME]` stands for the value of that name in a world, `[TIME]` for any time. In a transcript about an organization,
//! other names stand for its random values, see [`random`]. With `TRANSCRIPTS=write` in
//! the environment the actual outputs are written into the files; read the difference before you commit
//! it.

mod random;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use helvetisafe_test_support::server;

use crate::world::{World, write_private};

/// The place where a transcript is played.
pub(crate) trait Stage {
    /// The working directory of all programs.
    fn folder(&self) -> &Path;

    /// Gives a program its environment.
    fn prepare(&self, command: &mut Command);

    /// The values that the transcript writes as `[NAME]`.
    fn names(&self, transcript: &str) -> Vec<(&'static str, String)>;

    /// Starts the vault.
    fn serve(&self) {
        panic!("the vault serves already");
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        write_private(&self.folder().join(name), text, mode);
    }
}

macro_rules! transcripts {
    ($($(#[$condition:meta])* $name:ident),* $(,)?) => {
        $($(#[$condition])* #[test] fn $name() { check(stringify!($name), &World::new()); })*

        #[test]
        fn every_file_is_run() {
            let names = [$(stringify!($name),)* "life"];
            for entry in fs::read_dir(folder()).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(names.contains(&name), "{name} is missing in transcripts!");
            }
        }
    };
}

transcripts!(
    agent,
    aliases,
    completions_man,
    configuration,
    copy,
    delete,
    doctor,
    edit,
    env_file,
    exit_statuses,
    expiry,
    export,
    fields,
    get,
    help,
    import,
    init,
    inject,
    list,
    lost_fields,
    move_secret,
    offline,
    #[cfg(unix)]
    organization,
    #[cfg(unix)]
    organization_tokens,
    project,
    #[cfg(unix)]
    recovery_kit,
    rotate,
    run_program,
    set_create_update,
    #[cfg(all(unix, feature = "kubernetes"))]
    sync,
    trust,
    value_sources,
);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// Returns true if the files are to be written, not compared.
pub(crate) fn is_written() -> bool {
    std::env::var_os("TRANSCRIPTS").is_some_and(|mode| mode == "write")
}

/// Plays a transcript, and compares the outputs.
pub(crate) fn check(name: &str, stage: &dyn Stage) {
    let path = folder().join(format!("{name}.txt"));
    let expected = fs::read_to_string(&path).unwrap();
    let happened = replay(&expected, stage);
    if is_written() {
        fs::write(&path, happened).unwrap();
    } else {
        assert_same(&expected, &happened, name);
    }
}

fn assert_same(expected: &str, happened: &str, name: &str) {
    let mut lines = expected.lines().zip(happened.lines()).enumerate();
    if let Some((n, (wanted, got))) = lines.find(|(_, (wanted, got))| wanted != got) {
        panic!(
            "{name}.txt, line {}:\nwanted {wanted}\n   got {got}\n\nall:\n{happened}",
            n + 1
        );
    }
    assert_eq!(
        expected.len(),
        happened.len(),
        "{name}.txt ends elsewhere:\n{happened}"
    );
}

/// Returns the transcript with the actual outputs.
fn replay(transcript: &str, stage: &dyn Stage) -> String {
    let names = stage.names(transcript);
    let mut happened = String::new();
    let mut lines = transcript.lines().peekable();
    while let Some(line) = lines.next() {
        if ['>', '!', '?'].iter().any(|&mark| line.starts_with(mark)) {
            continue;
        }
        happened += &format!("{line}\n");
        if let Some(file) = line.strip_prefix("file ") {
            let mut text = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('=')) {
                happened += &format!("{line}\n");
                text += &format!("{}\n", line[1..].strip_prefix(' ').unwrap_or_default());
            }
            let (name, mode) = file.split_once(' ').unwrap();
            let mode = u32::from_str_radix(mode, 8).unwrap();
            stage.write(name, &with_values(&text, &names), mode);
        } else if line == "serve" {
            stage.serve();
        } else if let Some(command) = line.strip_prefix("$ ") {
            let mut stdin = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('<')) {
                happened += &format!("{line}\n");
                match line.strip_prefix("<~ ") {
                    Some(last) => stdin += last,
                    None => stdin += &format!("{}\n", line[1..].strip_prefix(' ').unwrap_or("")),
                }
            }
            let command = with_values(command, &names);
            happened += &run(stage, &command, &with_values(&stdin, &names), &names);
        }
    }
    happened
}

impl Stage for World {
    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn prepare(&self, command: &mut Command) {
        self.prepare(command);
    }

    fn names(&self, transcript: &str) -> Vec<(&'static str, String)> {
        names(self, transcript)
    }
}

fn names(world: &World, transcript: &str) -> Vec<(&'static str, String)> {
    let mut names = world.names();
    if transcript.contains("[FINGERPRINT]") || transcript.contains("trust pin") {
        names.push(("FINGERPRINT", world.fingerprint()));
    }
    #[cfg(all(unix, feature = "kubernetes"))]
    if transcript.contains("KUBECONFIG=") {
        let server = crate::sync::api_server::ApiServer::start(&["get", "create", "patch"]);
        world.write("kubeconfig", &server.kubeconfig(), 0o600);
    }
    if transcript.contains("[BOOTSTRAP]") {
        names.push(("BOOTSTRAP", crate::world::bootstrap_token()));
    }
    if transcript.contains("reader.pem") {
        names.extend(world.reader_names());
    }
    if transcript.contains("_URL]") {
        let (silent, closed) = (server::serve_bytes(""), server::closed_url());
        let host = |url: &str| url.replace("http://", "");
        let (silent_host, closed_host) = (host(&silent), host(&closed));
        names.extend([
            (
                "LIMITED_URL",
                server::serve_bytes(
                    "HTTP/1.1 429 Too Many\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
                ),
            ),
            (
                "DOWN_URL",
                server::serve_bytes(
                    "HTTP/1.1 503 Down\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
                ),
            ),
            (
                "BROKEN_URL",
                server::serve_bytes("HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n"),
            ),
            (
                "PAGE_URL",
                server::serve_bytes(
                    "HTTP/1.1 404 Not Found\r\nContent-Length: 18\r\n\r\n<h1>Not Found</h1>",
                ),
            ),
            ("SILENT_URL", silent),
            ("CLOSED_URL", closed),
            ("SILENT_HOST", silent_host),
            ("CLOSED_HOST", closed_host),
        ]);
    }
    names
}

fn run(stage: &dyn Stage, line: &str, stdin: &str, names: &[(&str, String)]) -> String {
    let words = split(line);
    let is_variable = |word: &&String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        let is_allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        !name.is_empty() && name.chars().all(is_allowed)
    };
    let variables: Vec<_> = words.iter().take_while(is_variable).collect();
    let (program, arguments) = words[variables.len()..].split_first().unwrap();
    let program = match program.as_str() {
        "helvetisafe" => env!("CARGO_BIN_EXE_helvetisafe"),
        other => other,
    };
    let mut command = Command::new(program);
    stage.prepare(&mut command);
    command.args(arguments);
    command.envs(
        variables
            .iter()
            .filter_map(|variable| variable.split_once('=')),
    );
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = spawn(&mut command);
    // A command that reads nothing closes its standard input.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| normalized(&String::from_utf8_lossy(bytes), names);
    let mut happened = marked(&text(&output.stdout), '>') + &marked(&text(&output.stderr), '!');
    match output.status.code() {
        Some(0) => {}
        code => {
            happened += &format!(
                "? {}\n",
                code.map_or("signal".into(), |code| code.to_string())
            )
        }
    }
    happened
}

/// Starts a program. A script that was just written is busy while another test, which started a process meanwhile, has
/// it open.
fn spawn(command: &mut Command) -> Child {
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                thread::sleep(Duration::from_millis(10));
            }
            started => return started.unwrap(),
        }
    }
}

/// Splits a line into words, as a shell with quotes alone would.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None, None);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_with(String::new);
            }
            (Some(open), _) if open == c => quote = None,
            (None, ' ') => words.extend(word.take()),
            _ => word.get_or_insert_with(String::new).push(c),
        }
    }
    words.extend(word);
    words
}

fn with_values(text: &str, names: &[(&str, String)]) -> String {
    let fill =
        |text: String, (name, value): &(&str, String)| text.replace(&format!("[{name}]"), value);
    names.iter().fold(text.to_owned(), fill)
}

/// Writes values as `[NAME]`.
pub(crate) fn normalized(text: &str, names: &[(&str, String)]) -> String {
    let hide =
        |text: String, (name, value): &(&str, String)| text.replace(value, &format!("[{name}]"));
    let text = names.iter().fold(text.to_owned(), hide);
    let has_organization = |name: &str| ["BOOTSTRAP", "DATABASE"].contains(&name);
    let text = match names.iter().any(|(name, _)| has_organization(name)) {
        true => random::hidden(&text),
        false => text,
    };
    let mut normal = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let length = time_length(rest).unwrap_or_default();
        if length > 0 {
            normal += "[TIME]";
            rest = &rest[length..];
        } else {
            normal.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    normal
}

/// Returns the length of an RFC 3339 time in UTC at the start of the text.
fn time_length(text: &str) -> Option<usize> {
    let shape = "dddd-dd-ddTdd:dd:dd";
    let head = text.get(..shape.len())?;
    let fits = |(wanted, c): (char, char)| wanted == c || (wanted == 'd' && c.is_ascii_digit());
    let end = shape
        .chars()
        .zip(head.chars())
        .all(fits)
        .then(|| text.find('Z'))??;
    let fraction = &text[shape.len()..end];
    fraction
        .chars()
        .all(|c| c == '.' || c.is_ascii_digit())
        .then_some(end + 1)
}

fn marked(text: &str, mark: char) -> String {
    let lines = text
        .split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some("") => format!("{mark}\n"),
            Some(line) => format!("{mark} {line}\n"),
            None => format!("{mark}~ {line}\n"),
        });
    lines.collect()
}
