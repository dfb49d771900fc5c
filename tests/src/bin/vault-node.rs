//! Serves a vault as `helvetisafe-server serve --config FILE` does, for tests: cargo builds the programs of a package for its
//! own tests alone.

use std::path::PathBuf;
use std::process::ExitCode;

use helvetisafe_server::serve::{Config, run};

fn main() -> ExitCode {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    match Config::resolve(Vec::new(), file.as_deref()) {
        Ok(config) => match run(config) {
            Ok(_) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
    }
}
