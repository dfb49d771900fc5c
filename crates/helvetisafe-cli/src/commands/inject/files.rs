//! One file per secret.

use std::path::{Path, PathBuf};

use helvetisafe::KeyName;
use serde::Serialize;

use crate::failure::{Failure, Status};
use crate::fs::{atomic_file, create_private_folder};
use crate::session::{Reader, SecretRequest, Vault};
use crate::ui::{Ui, key_names};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "One file per secret")]
pub(super) struct Files {
    /// Write each secret into a file of its name in this folder, which is created if it does not exist.
    ///
    /// The files have mode 0600 and a new folder 0700. A multi-field secret is its JSON text. Other
    /// files in the folder stay unchanged. Without --key and --prefix all secrets are written.
    #[arg(long, value_name = "DIR", conflicts_with = "template")]
    output_dir: Option<PathBuf>,
    /// A secret; may be given several times.
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

/// The output of `--json` for each file; `docs/cli.md` documents it.
#[derive(Serialize)]
struct Json<'a> {
    key: &'a str,
    output: String,
}

impl Files {
    /// Reads all secrets before the first file is written.
    pub(super) fn write(&self, vault: &Vault, ui: &Ui) -> Result<(), Failure> {
        let folder = self.output_dir.as_deref().unwrap_or(Path::new("."));
        let selected = self.selected(vault)?.into_iter();
        let requests: Vec<_> = selected.map(SecretRequest::whole).collect();
        let secrets = Reader::new(vault, None).secrets(&requests)?;
        create_private_folder(folder).map_err(|error| {
            let folder = folder.display();
            Failure::other(format_args!("cannot create the folder {folder}: {error}"))
        })?;
        for secret in &secrets {
            let file = folder.join(secret.key().as_str());
            atomic_file::write(&file, secret.expose_secret().as_bytes())?;
            if ui.json {
                ui.output.json(&Json {
                    key: secret.key().as_str(),
                    output: file.display().to_string(),
                })?;
            }
        }
        let (count, folder) = (secrets.len(), folder.display());
        ui.messages
            .done(format_args!("wrote {count} files into {folder}"));
        Ok(())
    }

    /// Returns the named secrets and those with the prefix, sorted, each once.
    fn selected(&self, vault: &Vault) -> Result<Vec<KeyName>, Failure> {
        let mut selected = key_names::parse_all(&self.keys)?;
        if self.prefix.is_some() || self.keys.is_empty() {
            let prefix = self.prefix.as_deref().unwrap_or_default();
            let listed = vault.read(|secrets| secrets.list())??;
            let names = listed.iter().filter_map(|secret| secret.key().valid());
            let before = selected.len();
            selected.extend(
                names
                    .filter(|key| key.as_str().starts_with(prefix))
                    .cloned(),
            );
            // A wrong prefix must not look like success in a container's entry point.
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
