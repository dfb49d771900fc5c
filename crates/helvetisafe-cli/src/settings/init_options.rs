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
        if !self.failover.is_empty() {
            let urls = shell_quoted(self.failover.to_string().as_ref());
            options += &format!(" --failover-urls {urls}");
        }
        match &self.key {
            Key::Password(password) => {
                options += &option(password, "--password-file")?;
            }
            Key::Pem { pem, passphrase } => {
                options += &option(pem, "--private-key-path")?;
                if let Some(passphrase) = passphrase {
                    options += &option(passphrase, "--private-key-passphrase-file")?;
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

/// Returns the option for a secret in a file. A command that prints it may have secrets in its words, so none is repeated.
fn option(secret: &LazySecret, file: &str) -> Option<String> {
    match secret.source() {
        RawValue::Path(path) if path.is_file() => {
            Some(format!(" {file} {}", shell_quoted(&whole(path))))
        }
        RawValue::Secret(_) => Some(String::new()),
        _ => None,
    }
}

fn whole(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}
