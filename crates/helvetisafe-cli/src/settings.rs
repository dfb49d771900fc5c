//! The settings: collected from flags, variables and a profile, then parsed once.
//!
//! [`spec`] lists every setting with its names. [`Entries`] holds what the user gave in each source, and
//! decides which source wins. [`Settings`] is what the program needs: complete, typed and valid.

mod account_profile;
mod address;
mod config_file;
mod config_text;
mod entries;
mod entry;
mod failover;
mod flags;
mod folder_account;
mod folder_profile;
mod init_options;
mod new_profile;
mod parse;
mod plain_http;
mod profile;
mod profile_files;
mod removed_profile;
mod scopes;
mod secret;
mod spec;
mod vault_id;

use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::organization::{SigningKey, VerificationKey};
use helvetisafe::{BaseUrl, Credentials, Fingerprint, KeySource, Scope};
use secrecy::ExposeSecret;

use crate::failure::Failure;
pub(crate) use account_profile::AccountProfile;
pub(crate) use address::Address;
pub(crate) use config_file::ConfigFile;
pub(crate) use entries::Entries;
pub(crate) use entry::{Entry, Origin, RawValue};
pub(crate) use failover::Failover;
pub(crate) use flags::SettingsArgs;
pub(crate) use folder_account::AccountFile;
pub(crate) use folder_profile::FolderProfile;
pub(crate) use new_profile::NewProfile;
pub(crate) use plain_http::PlainHttp;
pub(crate) use profile::Profile;
pub(crate) use removed_profile::RemovedProfile;
pub(crate) use scopes::RequestedScopes;
use secret::LazySecret;
pub(crate) use spec::Setting;
pub(crate) use vault_id::VaultId;

/// The valid settings. Secrets are read from their files and commands when they are needed.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) failover: Failover,
    /// The host that may be reached over plain HTTP, and the setting that allows it. Set only if the base URL
    /// needs it.
    pub(crate) plain_http: Option<PlainHttp>,
    /// The scopes to request; `None` for all.
    pub(crate) scopes: Option<RequestedScopes>,
    authentication: Authentication,
    key: Key,
    signing_key: Option<LazySecret>,
    /// The verification key that the user trusts, if one is configured.
    pub(crate) verification_key: Option<VerificationKey>,
    /// The time for all requests of a command together, if one is set.
    pub(crate) timeout: Option<Duration>,
    pub(crate) binding: Binding,
    pub(crate) org_key: Option<ExpectedOrgKey>,
    /// Set if a first use without a terminal may write under any org key.
    pub(crate) trust_first_use: bool,
    /// Set if access tokens are cached for later commands. Never set for an API token.
    pub(crate) keep_token: bool,
    ca_certificate: Option<PathBuf>,
    pub(crate) insecure_permissions: bool,
    pub(crate) profile: Option<Profile>,
}

#[derive(Clone, Debug)]
enum Authentication {
    ApiToken(LazySecret),
    ServiceAccount {
        client_id: String,
        client_secret: LazySecret,
    },
}

/// The source of the private key.
#[derive(Clone, Debug)]
enum Key {
    Pem {
        pem: LazySecret,
        passphrase: Option<LazySecret>,
    },
    /// The password of the private key that the vault stores.
    Password(LazySecret),
}

/// The degree to which secrets must name their key inside the encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    AllowUnbound,
    RefuseOthers,
    Required,
}

/// The fingerprint that the org key must have.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedOrgKey {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) origin: Origin,
}

impl Settings {
    /// Collects and parses the settings.
    pub(crate) fn load(args: &SettingsArgs) -> Result<Self, Failure> {
        Self::parse(&Entries::collect(args)?)
    }

    /// Reads a profile alone, without flags and variables.
    pub(crate) fn of_profile(profile: &NewProfile, args: &SettingsArgs) -> Result<Self, Failure> {
        let args = SettingsArgs {
            config: Some(profile.file().to_owned()),
            ..args.clone()
        };
        Self::parse(&Entries::collect_profile(&args, &profile.name)?)
    }

    /// Returns the base URL of entries that may not be complete yet. Fails if it cannot be used.
    pub(crate) fn base_of(entries: &Entries) -> Result<BaseUrl, Failure> {
        parse::base(
            &parse::text(entries, Setting::BaseUrl)?,
            PlainHttp::parse(entries)?.as_ref(),
        )
    }

    /// Returns the normalized URL of the vault, without reading a secret; `None` if it is not set.
    pub(crate) fn url(args: &SettingsArgs) -> Option<String> {
        let entries = Entries::collect(args).ok()?;
        let url = parse::text(&entries, Setting::BaseUrl).ok()?;
        Some(vault_id::normalized(&url))
    }

    /// Returns the cause of a refusal, if it is a setting that narrows the requested scopes. An API token has
    /// scopes of its own.
    pub(crate) fn cause_of_refusal(&self, missing: Option<Scope>) -> Option<String> {
        let scopes = self.scopes.as_ref().filter(|_| !self.uses_api_token());
        scopes?.cause_of(missing)
    }

    /// Returns true if the base URL is http://.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.base().is_ok_and(|base| !base.is_https())
    }

    /// Returns the normalized URL of the vault.
    pub(crate) fn normalized_url(&self) -> String {
        vault_id::normalized(&self.base_url)
    }

    pub(crate) fn uses_api_token(&self) -> bool {
        matches!(self.authentication, Authentication::ApiToken(_))
    }

    /// Returns the client id; `None` for an API token.
    pub(crate) fn client_id(&self) -> Option<&str> {
        match &self.authentication {
            Authentication::ApiToken(_) => None,
            Authentication::ServiceAccount { client_id, .. } => Some(client_id),
        }
    }

    /// Returns the base URL, which was checked.
    pub(crate) fn base(&self) -> Result<BaseUrl, Failure> {
        parse::base(&self.base_url, self.plain_http.as_ref())
    }

    /// Returns the base URL and the failover URLs, which were checked, each once.
    pub(crate) fn bases(&self) -> Result<Vec<BaseUrl>, Failure> {
        let mut bases = vec![self.base()?];
        for url in self.failover.urls() {
            let base = parse::base(url, self.plain_http.as_ref())?;
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        Ok(bases)
    }

    /// Reads the secret of the authentication.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        Ok(match &self.authentication {
            Authentication::ApiToken(token) => Credentials::api_token(token.read()?.clone()),
            Authentication::ServiceAccount {
                client_id,
                client_secret,
            } => Credentials::service_account(client_id.clone(), client_secret.read()?.clone()),
        })
    }

    /// Reads the private key, or the password of the one in the vault.
    pub(crate) fn key_source(&self) -> Result<KeySource, Failure> {
        let (pem, passphrase) = match &self.key {
            Key::Password(password) => return Ok(KeySource::password(password.read()?.clone())),
            Key::Pem { pem, passphrase } => (pem.read()?, passphrase),
        };
        let source = KeySource::pem(pem.expose_secret());
        Ok(match passphrase {
            Some(passphrase) => source.with_passphrase(passphrase.read()?.clone()),
            None => source,
        })
    }

    /// Returns true if a signing key of an administrator is set.
    pub(crate) fn has_signing_key(&self) -> bool {
        self.signing_key.is_some()
    }

    /// Reads the signing key of an administrator; `None` if none is set.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>, Failure> {
        let Some(secret) = &self.signing_key else {
            return Ok(None);
        };
        let key = SigningKey::from_pem(secret.read()?.expose_secret());
        key.map(Some).map_err(|error| {
            Failure::usage(format_args!(
                "{} cannot be used: {error}; give signing-key.pem of the folder that the account was made in",
                secret.origin()
            ))
        })
    }

    /// Reads all secrets that a connection needs, which may be in pipes, or ask the user.
    pub(crate) fn read_secrets(&self) -> Result<(), Failure> {
        self.credentials()?;
        self.key_source().map(drop)
    }

    /// Returns the identity of the vault and the account.
    pub(crate) fn vault_id(&self) -> Result<VaultId, Failure> {
        Ok(match &self.authentication {
            Authentication::ApiToken(token) => VaultId::of_token(&self.base_url, token.read()?),
            Authentication::ServiceAccount { client_id, .. } => {
                VaultId::of_client(&self.base_url, client_id)
            }
        })
    }
}
