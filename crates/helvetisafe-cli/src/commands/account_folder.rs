//! The folder of a new account: its keys, its profile, and its progress. The keys are written before anything is sent,
//! so that a lost answer or a killed command loses none.
//!
//! | file | has |
//! |---|---|
//! | `account.json` | the purpose of the keys, and the progress of the account; no secret |
//! | `client-secret`, `private-key.pem` | the credential and the key of the account |
//! | `signing-key.pem` | the signing key of an administrator |
//! | `locked-private-key.json` | the private key under a password, as the vault is to store it |
//! | `config.toml` | a profile that names these files |
//! | `ca-certificate.pem` | a copy of the certificate authority of the vault, if one was given |
//! | `README.txt` | the page of a recovery kit |

mod earlier_run;
mod locked_key;
mod plan;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use helvetisafe::organization::{AccountKeys, LockedPrivateKey, PrivateKey, SigningKey};
use helvetisafe::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::failure::{Failure, Status};
use crate::fs::{OwnFolder, destination};
use crate::settings::{AccountProfile, Address};
pub(super) use earlier_run::{entries_of, would_change};
pub(super) use plan::{Plan, Purpose, Stage};

/// The remedy for a file of an earlier run that cannot be used.
const RESTORE: &str = "restore it from a copy, or choose a new folder";

const PLAN: &str = "account.json";
const LOCK: &str = ".lock";
pub(super) const CLIENT_SECRET: &str = "client-secret";
pub(super) const PRIVATE_KEY: &str = "private-key.pem";
pub(super) const SIGNING_KEY: &str = "signing-key.pem";
const LOCKED_KEY: &str = "locked-private-key.json";
const CONFIG: &str = "config.toml";

/// The keys of an account, and its progress.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) keys: AccountKeys,
    /// The settings that this run has changed in the profile of a complete account.
    pub(super) changed: Vec<&'static str>,
}

/// The folder of one account, locked against other commands.
pub(super) struct AccountFolder {
    folder: OwnFolder,
    _lock: File,
}

impl AccountFolder {
    /// Opens the folder, and creates it if it does not exist.
    pub(super) fn open(path: &Path, insecure_permissions: bool) -> Result<Self, Failure> {
        let unusable = |error: &dyn std::fmt::Display| {
            Failure::usage(format_args!(
                "cannot use the folder {}: {error}",
                path.display()
            ))
        };
        let open = || {
            let folder = OwnFolder::open(path, insecure_permissions)?;
            refuse_foreign(&folder)?;
            let lock = lock(&folder)?;
            Ok::<_, io::Error>(Self {
                folder,
                _lock: lock,
            })
        };
        open().map_err(|error| unusable(&error))
    }

    /// Returns true if an earlier run has used the folder.
    pub(super) fn is_begun(path: &Path) -> bool {
        path.join(PLAN).exists()
    }

    /// Returns the keys for a plan: those of an earlier run, which may have sent them already, or new ones that are
    /// written now. With a password, the vault is to store the private key under it. `profile` makes the text of the configuration
    /// file for an address. It and the certificate authority are written in every run until the vault has accepted the keys; then
    /// only what is different for the address is changed.
    pub(super) fn prepare(
        &self,
        plan: Plan,
        password: Option<&SecretString>,
        address: &Address,
        profile: impl FnOnce(&AccountKeys) -> String,
    ) -> Result<Prepared, Failure> {
        let certificate = address.certificate()?;
        let certificate = certificate.as_deref();
        let found = self.plan()?;
        if let Some(found) = &found {
            found.check_same(&plan, self.path())?;
        }
        let prepared = match found {
            Some(plan) if plan.stage != Stage::Begun => {
                let keys = self.read_keys(&plan)?;
                if password.is_some() && !plan.has_password {
                    let why = "has keys without a password; to continue with them, leave --password-file out; to start over";
                    return Err(other_purpose(self.path(), why));
                }
                let complete = match plan.stage {
                    Stage::Accepted => self.profile(&plan)?,
                    _ => None,
                };
                let changed = match complete {
                    Some(complete) => self.update_profile(&complete, address)?,
                    None => {
                        // The earlier run may have failed because it had no certificate authority.
                        self.write_profile(certificate, &profile(&keys))?;
                        Vec::new()
                    }
                };
                Prepared {
                    plan,
                    keys,
                    changed,
                }
            }
            found => self.make_keys(found.unwrap_or(plan), password, certificate, profile)?,
        };
        // Nothing is sent for keys that the user would not find.
        self.folder.check_place()?;
        Ok(prepared)
    }

    /// Returns the plan of an earlier run.
    pub(super) fn plan(&self) -> Result<Option<Plan>, Failure> {
        let bytes = self.folder.read("the state of the account", PLAN)?;
        let parse = |bytes: Zeroizing<Vec<u8>>| Plan::parse(&bytes, &self.path().join(PLAN));
        bytes.map(parse).transpose()
    }

    /// Stores the progress of the account.
    pub(super) fn save(&self, plan: &Plan) -> Result<(), Failure> {
        self.folder.write(PLAN, &plan.to_json()?)
    }

    /// Returns the configuration file with the profile.
    pub(super) fn config(&self) -> PathBuf {
        self.path().join(CONFIG)
    }

    /// Returns the advice after a signal. `with` is what else has to be the same.
    pub(super) fn again(&self, with: &str) -> String {
        format!(
            "run the same command again, with {with} and the folder {}",
            self.path().display()
        )
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the keys. An earlier run that ended here had sent nothing, so its keys may be replaced.
    fn make_keys(
        &self,
        mut plan: Plan,
        password: Option<&SecretString>,
        certificate: Option<&[u8]>,
        profile: impl FnOnce(&AccountKeys) -> String,
    ) -> Result<Prepared, Failure> {
        self.save(&plan)?;
        let mut keys = AccountKeys::generate(plan.is_administrator())?;
        let unwritable = |error: &dyn std::fmt::Display| {
            Failure::other(format_args!("cannot write a new key: {error}"))
        };
        let private_key = keys
            .private_key
            .to_pkcs8_pem()
            .map_err(|error| unwritable(&error))?;
        self.write(CLIENT_SECRET, keys.client_secret.expose_secret().as_bytes())?;
        self.write(PRIVATE_KEY, private_key.as_bytes())?;
        if let Some(key) = &keys.signing_key {
            let pem = key.to_pem().map_err(|error| unwritable(&error))?;
            self.write(SIGNING_KEY, pem.as_bytes())?;
        }
        if let Some(password) = password {
            keys.lock(password.expose_secret())?;
        }
        if let Some(locked) = &keys.locked_private_key {
            self.write(LOCKED_KEY, &locked_key::to_json(locked)?)?;
        }
        self.write_profile(certificate, &profile(&keys))?;
        plan.client_id = Some(keys.client_id.clone());
        plan.has_password = password.is_some();
        plan.stage = Stage::Made;
        self.save(&plan)?;
        Ok(Prepared {
            plan,
            keys,
            changed: Vec::new(),
        })
    }

    /// Writes the profile, and the certificate authority that it names.
    fn write_profile(&self, certificate: Option<&[u8]>, profile: &str) -> Result<(), Failure> {
        if let Some(pem) = certificate {
            self.write(AccountProfile::CA_CERTIFICATE, pem)?;
        }
        self.write(CONFIG, profile.as_bytes())
    }

    fn read_keys(&self, plan: &Plan) -> Result<AccountKeys, Failure> {
        let unusable = |name: &str, error: &dyn std::fmt::Display| {
            let path = self.path().join(name);
            Failure::usage(format_args!(
                "{} cannot be used: {error}; {RESTORE}",
                path.display()
            ))
        };
        let private_key = PrivateKey::from_pem(&self.text("the private key", PRIVATE_KEY)?);
        let signing_key = match plan.is_administrator() {
            true => {
                let key = SigningKey::from_pem(&self.text("the signing key", SIGNING_KEY)?);
                Some(key.map_err(|error| unusable(SIGNING_KEY, &error))?)
            }
            false => None,
        };
        let secret = self.text("the client secret", CLIENT_SECRET)?;
        Ok(AccountKeys {
            client_id: plan.client_id.clone().unwrap_or_default(),
            client_secret: SecretString::from(secret.trim_end()),
            private_key: private_key.map_err(|error| unusable(PRIVATE_KEY, &error))?,
            signing_key,
            locked_private_key: self.read_locked_key(plan)?,
        })
    }

    fn read_locked_key(&self, plan: &Plan) -> Result<Option<LockedPrivateKey>, Failure> {
        if !plan.has_password {
            return Ok(None);
        }
        let path = self.path().join(LOCKED_KEY);
        let bytes = self.read("the private key under a password", LOCKED_KEY)?;
        locked_key::parse(&bytes, &path).map(Some)
    }

    fn text(&self, what: &str, name: &str) -> Result<Zeroizing<String>, Failure> {
        let bytes = self.read(what, name)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            let path = self.path().join(name);
            Failure::usage(format_args!("{} is not text; {RESTORE}", path.display()))
        })?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn read(&self, what: &str, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.folder.read(what, name)?.ok_or_else(|| {
            let path = self.path().join(name);
            Failure::usage(format_args!(
                "{what} {} is missing; {RESTORE}",
                path.display()
            ))
        })
    }

    /// Writes a file beside the keys.
    pub(super) fn write(&self, name: &str, contents: &[u8]) -> Result<(), Failure> {
        self.folder.write(name, contents)
    }
}

/// Refuses a folder with other files: keys of another account would be replaced.
fn refuse_foreign(folder: &OwnFolder) -> io::Result<()> {
    let names = folder.names()?;
    if names.iter().any(|name| name == PLAN) {
        return Ok(());
    }
    let is_foreign = |name: &&std::ffi::OsString| {
        *name != LOCK && !destination::is_leftover(&name.to_string_lossy())
    };
    match names.iter().find(is_foreign) {
        None => Ok(()),
        Some(name) => Err(io::Error::other(format!(
            "it has other files, such as {}; choose a new folder",
            name.display()
        ))),
    }
}

/// Locks a file of mode 0600 until the returned value is dropped.
fn lock(folder: &OwnFolder) -> io::Result<File> {
    folder.try_lock(LOCK).map_err(|error| match error {
        TryLockError::WouldBlock => {
            io::Error::other("another command makes an account in it; wait for its end")
        }
        TryLockError::Error(error) => error,
    })
}

/// Returns the failure for a folder with an account that the user does not want. `why` ends with what a new folder is for.
fn other_purpose(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(
        Status::Conflict,
        format_args!("the folder {} {why}, choose a new folder", path.display()),
    )
}
