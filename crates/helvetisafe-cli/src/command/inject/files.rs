//! One file per secret.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use helvetisafe::KeyName;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::fetch::{self, SecretRequest};
use crate::{atomic_file, keys};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "One file per secret")]
pub(super) struct Files {
    /// Write each secret into a file of its name in this folder, which is made if it is not there.
    ///
    /// The files have mode 0600 and a new folder 0700. A multi-field secret is its JSON text. Other
    /// files in the folder are left alone. Without --key and --prefix it is all secrets.
    #[arg(long, value_name = "DIR", conflicts_with = "template")]
    output_dir: Option<PathBuf>,
    /// This secret; may be given several times.
    #[arg(
        long = "key",
        value_name = "KEY",
        requires = "output_dir",
        conflicts_with = "template"
    )]
    keys: Vec<String>,
    /// All secrets whose names begin with this.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "output_dir",
        conflicts_with = "template"
    )]
    prefix: Option<String>,
}

/// What `--json` prints of each file; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    output: String,
}

impl Files {
    /// Reads all secrets before the first file is written.
    pub(super) fn write(&self, context: &Context) -> Result<(), Failure> {
        let folder = self.output_dir.as_deref().unwrap_or(Path::new("."));
        let selected = self.selected(context)?.into_iter();
        let requests: Vec<_> = selected.map(SecretRequest::of).collect();
        let secrets = fetch::all(&requests, context)?;
        make(folder)?;
        for secret in &secrets {
            let file = folder.join(secret.key().as_str());
            atomic_file::write(&file, secret.expose_secret().as_bytes())?;
            if context.json() {
                context.output.json(&Json {
                    key: secret.key().as_str(),
                    output: file.display().to_string(),
                })?;
            }
        }
        let (count, folder) = (secrets.len(), folder.display());
        context
            .messages
            .done(format_args!("wrote {count} files into {folder}"));
        Ok(())
    }

    /// The named ones and those with the prefix, sorted, each once.
    fn selected(&self, context: &Context) -> Result<Vec<KeyName>, Failure> {
        let mut selected = keys::parse_all(&self.keys)?;
        if self.prefix.is_some() || self.keys.is_empty() {
            let prefix = self.prefix.as_deref().unwrap_or_default();
            let listed = context.read(|secrets| secrets.list())??;
            let names = listed.iter().filter_map(|secret| secret.key().valid());
            let before = selected.len();
            selected.extend(
                names
                    .filter(|key| key.as_str().starts_with(prefix))
                    .cloned(),
            );
            // A slip in the prefix must not look like success in a container's entry point.
            if selected.len() == before && !prefix.is_empty() {
                let message = format_args!("no key of a listed secret begins with `{prefix}`");
                return Err(Failure::new(Status::NotFound, message));
            }
        }
        selected.sort();
        selected.dedup();
        Ok(selected)
    }
}

/// Makes the folder, closed to others, if it is not there.
fn make(folder: &Path) -> Result<(), Failure> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        Failure::other(format_args!(
            "cannot make the folder {}: {error}",
            folder.display()
        ))
    })
}
