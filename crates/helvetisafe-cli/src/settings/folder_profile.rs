//! The profile in the folder of a new account, for a command that is run again: what it takes from there, and what it
//! changes there.

use std::path::PathBuf;

use super::account_profile::AccountProfile;
use super::address::Address;
use super::config_file::ConfigFile;
use super::config_text::{quoted, with_values};
use super::entries::Entries;
use super::entry::{Entry, Origin, RawValue};
use super::profile::Profile;
use super::spec::{SPECS, Setting};
use super::vault_id::normalized;
use crate::failure::Failure;

/// The settings by which the vault is reached, besides its URL.
const CONNECTION: [Setting; 3] = [
    Setting::FailoverUrls,
    Setting::AllowPlainHttp,
    Setting::CaCertificate,
];

/// The profile that an earlier run wrote, and the URL of its vault.
pub(crate) struct FolderProfile {
    base_url: String,
    config: ConfigFile,
    profile: Profile,
    /// False if the user has edited the URL: the other settings are those of another vault.
    is_same_vault: bool,
}

impl FolderProfile {
    /// Parses the configuration file in the folder. `base_url` is the URL to which the account belongs.
    pub(crate) fn parse(file: PathBuf, text: String, base_url: &str) -> Result<Self, Failure> {
        let config = ConfigFile::parse(file, text, false)?;
        let profile = Profile::find(&config, &config.name_or_default(None), None)?;
        let own = profile.text("base_url").map(normalized);
        Ok(Self {
            base_url: base_url.to_owned(),
            is_same_vault: own == Some(normalized(base_url)),
            config,
            profile,
        })
    }

    /// Returns the URL of the vault to which the account belongs.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns the settings for a command that is not given others.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, Failure> {
        let mut entries = vec![Entry {
            setting: Setting::BaseUrl,
            origin: Origin::Profile {
                key: "base_url",
                profile: self.profile.name.clone(),
            },
            value: RawValue::Text(self.base_url.clone()),
        }];
        if self.is_same_vault {
            for spec in SPECS.iter().filter(|it| CONNECTION.contains(&it.setting)) {
                entries.extend(self.profile.entry(spec)?);
            }
        }
        Ok(entries)
    }

    /// Returns the address that the earlier run used.
    pub(crate) fn address(&self) -> Result<Address, Failure> {
        Address::parse(&Entries::of(self.entries()?))
    }

    /// Returns the keys and the values that the profile lacks for this address, as TOML. What the address does not have stays. Fails
    /// if the profile is of another vault, and lacks some.
    fn changes(&self, address: &Address) -> Result<Vec<(&'static str, String)>, Failure> {
        let own = self.address()?;
        let mut changes = Vec::new();
        let failover = &address.failover;
        if !failover.is_empty() && !failover.urls().eq(own.failover.urls()) {
            changes.push(("failover_urls", quoted(&failover.to_string())));
        }
        let host = |it: &Address| it.plain_http.as_ref().map(|it| it.host.clone());
        if let Some(given) = host(address).filter(|given| host(&own).as_ref() != Some(given)) {
            changes.push(("allow_plain_http", quoted(&given)));
        }
        if let Some(given) = address.certificate()? {
            // A file that is gone is written again.
            let own = own.certificate().ok().flatten();
            if own.as_ref() != Some(&given) {
                let name = quoted(AccountProfile::CA_CERTIFICATE);
                changes.push((AccountProfile::CA_CERTIFICATE_KEY, name));
            }
        }
        if !self.is_same_vault && !changes.is_empty() {
            return Err(Failure::usage(format_args!(
                "{} has another base URL than {}, the vault of the account, so its settings were not changed; edit it",
                self.config.file.display(),
                self.base_url
            )));
        }
        Ok(changes)
    }

    /// Returns the keys that change for this address, and the text of the file with their new values. All other lines stay.
    pub(crate) fn updated(
        &self,
        address: &Address,
    ) -> Result<(Vec<&'static str>, String), Failure> {
        let changes = self.changes(address)?;
        if changes.is_empty() {
            return Ok((Vec::new(), self.config.text.clone()));
        }
        let text = with_values(&self.config.text, &self.profile.name, &changes);
        let text = text.ok_or_else(|| self.config.other_form())?;
        Ok((changes.into_iter().map(|(key, _)| key).collect(), text))
    }
}
