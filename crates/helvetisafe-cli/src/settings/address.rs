//! The address of a vault, for calls that need no credential.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use helvetisafe::BaseUrl;
use secrecy::SecretString;

use super::Settings;
use super::entries::Entries;
use super::entry::{Entry, Origin, RawValue};
use super::failover::Failover;
use super::flags::SettingsArgs;
use super::parse::{path, secret, text, timeout};
use super::plain_http::PlainHttp;
use super::spec::Setting;
use super::vault_id::VaultId;
use crate::failure::Failure;
use crate::fs::with_remedy;

/// The address of a vault, and the settings of the connection. Of profiles only that in the folder of an earlier run is used.
pub(crate) struct Address {
    pub(crate) base_url: String,
    pub(crate) failover: Failover,
    pub(crate) plain_http: Option<PlainHttp>,
    pub(crate) ca_certificate: Option<PathBuf>,
    /// The time for all requests of a command together, if one is set.
    pub(crate) timeout: Option<Duration>,
    pub(crate) insecure_permissions: bool,
    /// The contents of the certificate, once they are read.
    certificate: OnceCell<Vec<u8>>,
}

impl Address {
    /// Returns the address of complete settings, which may be those of a profile.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            base_url: settings.base_url.clone(),
            failover: settings.failover.clone(),
            plain_http: settings.plain_http.clone(),
            ca_certificate: settings.ca_certificate.clone(),
            timeout: settings.timeout,
            insecure_permissions: settings.insecure_permissions,
            certificate: OnceCell::new(),
        }
    }

    /// Returns the address with this URL alone, and this time.
    pub(crate) fn only(self, base: &BaseUrl, timeout: Option<Duration>) -> Self {
        Self {
            base_url: base.to_string(),
            failover: Failover::default(),
            timeout,
            ..self
        }
    }

    /// Collects the address from flags and variables, and the rest from the entries of an earlier run.
    pub(crate) fn load(args: &SettingsArgs, earlier: Vec<Entry>) -> Result<Self, Failure> {
        Self::parse(&Entries::without_profile(args)?.with(earlier))
    }

    /// Collects the address like [`Self::load`]. Its URL is `base_url`, that of a code or of an earlier run, unless a flag names
    /// another: variables may be of another vault.
    pub(crate) fn of_code(
        args: &SettingsArgs,
        base_url: &str,
        earlier: Vec<Entry>,
    ) -> Result<Self, Failure> {
        let entries = Entries::without_profile(args)?.with(earlier);
        if entries.has_flag(Setting::BaseUrl) {
            return Self::parse(&entries);
        }
        Self::parse(&entries.with([Entry {
            setting: Setting::BaseUrl,
            origin: Origin::Code,
            value: RawValue::Text(base_url.to_owned()),
        }]))
    }

    /// Returns the address with the settings of another one that it does not have.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            failover: match self.failover.is_empty() {
                true => other.failover,
                false => self.failover,
            },
            plain_http: self.plain_http.or(other.plain_http),
            ca_certificate: self.ca_certificate.or(other.ca_certificate),
            ..self
        }
    }

    /// Returns true if other users may read files with secrets.
    pub(crate) fn allows_insecure_permissions(args: &SettingsArgs) -> Result<bool, Failure> {
        Ok(Entries::without_profile(args)?.insecure_permissions)
    }

    /// Reads the password of `--password-file`, under which the vault is to store the private key of a new account; `None`
    /// without the flag.
    pub(crate) fn new_password(args: &SettingsArgs) -> Result<Option<SecretString>, Failure> {
        let entries = Entries::without_profile(args)?;
        if !entries.has_flag(Setting::Password) {
            return Ok(None);
        }
        let password = secret(&entries, Setting::Password);
        password.map(|it| it.read().cloned()).transpose()
    }

    pub(super) fn parse(entries: &Entries) -> Result<Self, Failure> {
        if !entries.has(Setting::BaseUrl) {
            return Err(Failure::usage(format_args!(
                "the base URL of the vault is missing: give {}",
                Setting::BaseUrl.names()
            )));
        }
        Ok(Self {
            base_url: text(entries, Setting::BaseUrl)?,
            failover: Failover::parse(entries)?,
            plain_http: PlainHttp::parse(entries)?,
            ca_certificate: path(entries, Setting::CaCertificate),
            timeout: timeout(entries)?,
            insecure_permissions: entries.insecure_permissions,
            certificate: OnceCell::new(),
        })
    }

    /// Reads the PEM of the additional certificate authority once: it may be a pipe, and its copy is the one that was used.
    pub(crate) fn certificate(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(path) = &self.ca_certificate else {
            return Ok(None);
        };
        if self.certificate.get().is_none() {
            // There is only this thread, so it is not set meanwhile.
            let _ = self.certificate.set(certificate(path)?);
        }
        Ok(self.certificate.get().cloned())
    }

    /// Returns the identity of the vault and one of its accounts.
    pub(crate) fn vault_id(&self, client_id: &str) -> VaultId {
        VaultId::of_client(&self.base_url, client_id)
    }
}

pub(super) fn certificate(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::usage(format_args!(
            "cannot read the CA certificate {}: {}",
            path.display(),
            with_remedy(&error)
        ))
    })
}
