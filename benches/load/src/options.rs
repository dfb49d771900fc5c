use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
load-bench [matrix|nodes|large|start|keys] [OPTIONS]
  --server FILE       the helvetisafe-server to measure; by default the one beside this program
  --database ENGINE   sqlite or postgres; both by default
  --secrets NUMBER    one number of secrets
  --quick             short rounds and few secrets
  --dev               measure the command dev, on SQLite alone, also of versions without serve";

/// The part of the bench to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Matrix,
    Nodes,
    Large,
    Start,
    Keys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) server: PathBuf,
    pub(crate) engines: Vec<Engine>,
    pub(crate) secrets: Option<usize>,
    pub(crate) is_quick: bool,
    pub(crate) is_dev: bool,
}

impl Options {
    /// Parses the arguments; returns `None` if they are wrong.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            mode: Mode::Matrix,
            server: std::env::current_exe()
                .unwrap()
                .with_file_name("helvetisafe-server"),
            engines: vec![Engine::Sqlite, Engine::Postgres],
            secrets: None,
            is_quick: false,
            is_dev: false,
        };
        while let Some(argument) = arguments.next() {
            match &*argument {
                "matrix" => options.mode = Mode::Matrix,
                "nodes" => options.mode = Mode::Nodes,
                "large" => options.mode = Mode::Large,
                "start" => options.mode = Mode::Start,
                "keys" => options.mode = Mode::Keys,
                "--server" => options.server = arguments.next()?.into(),
                "--database" => options.engines = vec![engine(&arguments.next()?)?],
                "--secrets" => options.secrets = Some(arguments.next()?.parse().ok()?),
                "--quick" => options.is_quick = true,
                "--dev" => {
                    options.is_dev = true;
                    options.engines = vec![Engine::Sqlite];
                }
                _ => return None,
            }
        }
        Some(options)
    }

    /// Returns the number of rounds of a figure, and the length of each.
    pub(crate) fn rounds(&self) -> (usize, Duration) {
        if self.is_quick {
            (1, Duration::from_secs(1))
        } else {
            (3, Duration::from_secs(2))
        }
    }
}

fn engine(name: &str) -> Option<Engine> {
    match name {
        "sqlite" => Some(Engine::Sqlite),
        "postgres" => Some(Engine::Postgres),
        _ => None,
    }
}
