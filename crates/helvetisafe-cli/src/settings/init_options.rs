//! The options of `init` for another profile of the same account.

use std::path::{Path, PathBuf, absolute};

use super::entry::RawValue;
use super::secret::LazySecret;
use super::{Key, Settings};
use crate::advice::shell_quoted;

impl Settings {
    /// Returns the options of `init` for a profile with the same vault and private key, as a shell reads them in any folder,
    /// each after a space. What is in a variable has none, since `init` reads the variable. `None` if an option cannot stand
    /// for the source of the key.
    pub(crate) fn init_options(&self) -> Option<String> {
        let mut options = format!(" --base-url {}", shell_quoted(Path::new(&self.base_url)));
        match &self.key {
            Key::Password(password) => {
                options += &option(password, "--password-file", Some("--password-command"))?;
            }
            Key::Pem { pem, passphrase } => {
                let command = Some("--private-key-pem-command");
                options += &option(pem, "--private-key-path", command)?;
                if let Some(passphrase) = passphrase {
                    options += &option(passphrase, "--private-key-passphrase-file", None)?;
                }
            }
        }
        if let Some(file) = &self.ca_certificate {
            options += &format!(" --ca-certificate {}", shell_quoted(&whole(file)));
        }
        if let Some(allowed) = &self.plain_http {
            let host = shell_quoted(allowed.host.as_ref());
            options += &format!(" --allow-plain-http {host}");
        }
        let own_key = || self.signing_key().ok()?.map(|it| it.verification_key());
        if let Some(key) = self.verification_key.or_else(own_key) {
            options += &format!(" --verification-key {key}");
        }
        Some(options)
    }
}

/// Returns the option for a secret: its file, or the command that prints it. `init` splits a command at spaces.
fn option(secret: &LazySecret, file: &str, command: Option<&str>) -> Option<String> {
    match secret.source() {
        RawValue::Path(path) if path.is_file() => {
            Some(format!(" {file} {}", shell_quoted(&whole(path))))
        }
        RawValue::Command(words)
            if !words.iter().any(|word| word.contains(char::is_whitespace)) =>
        {
            let words = words.join(" ");
            Some(format!(" {} {}", command?, shell_quoted(Path::new(&words))))
        }
        RawValue::Secret(_) => Some(String::new()),
        _ => None,
    }
}

fn whole(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}
