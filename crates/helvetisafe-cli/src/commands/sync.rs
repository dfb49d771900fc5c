//! `sync`: writes secrets into a Kubernetes Secret.
//!
//! [`desired`] has what the Secret should have, [`plan`] compares it with the cluster's, and [`writer`] writes
//! the difference through [`api`]. [`ownership`] reads and changes the managed fields: who owns which entry.

mod api;
mod desired;
mod explain;
mod ownership;
mod plan;
mod report;
mod secret;
mod target;
mod watch;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::env_file::{self, Form};
use super::selection::SelectionArgs;
use crate::failure::Failure;
use crate::session::{Reader, Vault};
use crate::ui::Ui;
use crate::ui::duration::second_to_day;
use crate::ui::output_file::{self, AccessArgs};
use api::Api;
use desired::Desired;
use report::Report;
use target::TargetArgs;
use writer::{WriteArgs, Writer};

const EXAMPLES: &str = "\
Examples:
  helvetisafe sync --name app --prefix APP_
  helvetisafe sync --name app --namespace prod --prefix APP_ --dry-run
  helvetisafe sync --name app --prefix APP_ --label team=web --watch 5m
  helvetisafe sync --name app-tls --type kubernetes.io/tls --env tls.crt=CERT --env tls.key=KEY";

/// Write secrets into a Kubernetes Secret.
///
/// The Secret is created, or changed by server-side apply: this command owns the entries it wrote, removes
/// them when they are no longer selected, and leaves those of others. An account that may not `patch`
/// reads and replaces instead. Prints the names that changed: `+` added, `~` changed, `-` removed. If no secret
/// is selected, nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    write: WriteArgs,
    /// Print the names that would change. The API server checks the request and stores nothing.
    #[arg(long, conflicts_with_all = ["watch", "output"])]
    dry_run: bool,
    /// Keep the Secret up to date: compare it with the vault at this interval, 60s by default. After a failure
    /// that may pass, the pauses grow from 1s to 60s. Ends with status 0 at SIGTERM and SIGINT.
    #[arg(
        long,
        value_name = "INTERVAL",
        num_args = 0..=1,
        default_missing_value = "60s",
        value_parser = second_to_day
    )]
    watch: Option<Duration>,
    /// Write a file of lines KEY="value" too, with mode 0600. In a value `\`, `"` and line feeds are
    /// `\\`, `\"` and `\n`.
    #[arg(long, short, value_name = "FILE", group = "destination")]
    output: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    selection: SelectionArgs,
}

pub(crate) fn run(args: &Args, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
    let mut sync = Sync::new(args, vault, ui)?;
    if let Some(interval) = args.watch {
        return watch::run(&mut sync, interval);
    }
    match sync.read()? {
        Some(desired) => match sync.write(&desired)? {
            Some(report) => report.print(ui),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

struct Sync<'a> {
    args: &'a Args,
    vault: &'a Vault,
    ui: &'a Ui,
    /// `None` if only a file is written.
    cluster: Option<(Runtime, Writer<'a>)>,
}

impl<'a> Sync<'a> {
    /// Checks the arguments and the configuration of the cluster; nothing is sent.
    fn new(args: &'a Args, vault: &'a Vault, ui: &'a Ui) -> Result<Self, Failure> {
        let cluster = match args.target.name()? {
            Some(name) => Some(cluster(args, name, ui)?),
            None if args.output.is_some() => None,
            None => {
                return Err(Failure::usage(
                    "give the name of the Secret with --name, or in HELVETISAFE_K8S_SECRET_NAME",
                ));
            }
        };
        Ok(Self {
            args,
            vault,
            ui,
            cluster,
        })
    }

    /// Reads the selected secrets, and writes the file. `None` if none is selected: an empty list is probably
    /// a mistake, which must not empty the Secret.
    fn read(&self) -> Result<Option<Desired>, Failure> {
        let (args, messages) = (self.args, self.ui.messages);
        let variables = args.selection.variables(Reader::online(self.vault))?;
        if variables.is_empty() {
            messages.warning("no secret is selected; nothing was written");
            return Ok(None);
        }
        let (labels, annotations) = (&args.write.labels, &args.write.annotations);
        let desired = Desired::new(&variables, labels, annotations, messages)?;
        if let Some(path) = &args.output {
            let text = env_file::text(Form::Quoted, &variables, &args.selection, messages)?;
            output_file::write(path, text.as_bytes(), args.access.access(), messages)?;
        }
        Ok(Some(desired))
    }

    /// Writes the Secret, if one is named.
    fn write(&mut self, desired: &Desired) -> Result<Option<Report>, Failure> {
        let Some((runtime, writer)) = &mut self.cluster else {
            return Ok(None);
        };
        runtime.block_on(writer.write(desired)).map(Some)
    }
}

fn cluster<'a>(args: &'a Args, name: String, ui: &Ui) -> Result<(Runtime, Writer<'a>), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::other(format_args!("cannot start the runtime: {error}")))?;
    let (manager, messages) = (&args.write.field_manager, ui.messages);
    let api = Api::new(&args.target, name, manager, args.dry_run, messages);
    let api = runtime.block_on(api)?;
    Ok((runtime, Writer::new(api, &args.write, messages)))
}
