//! `man`: the manual.

use std::path::PathBuf;
use std::{fs, io};

use clap_mangen::Man;

use crate::failure::Failure;
use crate::fs::with_remedy;
use crate::ui::output::Output;
use crate::ui::output_file;

const EXAMPLES: &str = "\
Examples:
  helvetisafe man | man -l -
  helvetisafe man get | man -l -
  helvetisafe man --output-dir ~/.local/share/man/man1";

/// Print the manual page, or that of a command. No network.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A command.
    command: Option<String>,
    /// Write all pages into this folder instead, which is created if it does not exist.
    #[arg(
        long,
        value_name = "FOLDER",
        value_parser = output_file::folder(),
        conflicts_with = "command"
    )]
    output_dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, mut program: clap::Command, output: &Output) -> Result<(), Failure> {
    if let Some(folder) = &args.output_dir {
        let written =
            fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(program, folder));
        return written.map_err(|error| {
            Failure::other(format_args!(
                "cannot write into {}: {}",
                folder.display(),
                with_remedy(&error)
            ))
        });
    }
    program.build();
    let page = match &args.command {
        None => page(program),
        Some(name) => page(find(&program, name)?),
    };
    let page =
        page.map_err(|error| Failure::other(format_args!("cannot write a page: {error}")))?;
    output.bytes(&page)
}

fn find(program: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    program.find_subcommand(name).cloned().ok_or_else(|| {
        Failure::usage(format_args!(
            "there is no command `{name}`; see `helvetisafe --help`"
        ))
    })
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command)
        .source(concat!("helvetisafe ", env!("CARGO_PKG_VERSION")))
        .manual("HelvetiSafe")
        .render(&mut page)?;
    Ok(page)
}
