//! A vault with an account, and the command with that account's environment.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use helvetisafe::{Client, Credentials, KeySource, Scope, Scopes};
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_server::{Account, NewAccount, NewApiToken, Organization, Vault};
use helvetisafe_test_support::{Action, PEM, Proxy, Request};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// One vault for all tests; each test has an organization of its own in it.
static VAULT: LazyLock<Vault> = LazyLock::new(|| Vault::ephemeral().unwrap());

/// Replaces ignored signals by a handler that does nothing. Children inherit ignored signals, as after
/// `nohup` or in the background of a script, and a shell cannot trap those; they inherit no handler.
#[cfg(target_os = "linux")]
static HANDLED_SIGNALS: LazyLock<()> = LazyLock::new(|| {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2] {
        if ignored & 1 << (signal - 1) != 0 {
            signal_hook::flag::register(signal, std::sync::Arc::default()).unwrap();
        }
    }
});

/// Starts a proxy in front of the vault.
pub(crate) fn start_proxy(
    script: impl Fn(&Request, &[Request]) -> Action + Send + Sync + 'static,
) -> Proxy {
    Proxy::start(VAULT.address(), script)
}

/// Returns a token to found an organization with.
#[cfg(unix)]
pub(crate) fn bootstrap_token() -> String {
    let token = VAULT.new_bootstrap_token().unwrap();
    token.expose_secret().to_owned()
}

pub(crate) fn vault_address() -> SocketAddr {
    VAULT.address()
}

/// An organization with an owner, who may do everything, and a folder with the owner's key.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    organization: Organization,
    pub(crate) owner: Account,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let organization = VAULT.new_organization().unwrap();
        let account = NewAccount::default().private_key(PrivateKey::from_pem(PEM).unwrap());
        let owner = VAULT.new_account(&organization, account).unwrap();
        write_private(
            &folder.path().join("key.pem"),
            &owner.private_key_pem,
            0o600,
        );
        Self {
            folder,
            organization,
            owner,
        }
    }

    /// Returns the command with only the owner's variables in its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_helvetisafe"));
        self.prepare(&mut command);
        command
    }

    /// Returns the command without input, for the vault behind this proxy.
    pub(crate) fn command_through(&self, proxy: &Proxy) -> Command {
        let mut command = self.command();
        command
            .env("HELVETISAFE_BASE_URL", proxy.base_url())
            .stdin(Stdio::null());
        command
    }

    /// Gives any program the owner's environment; `helvetisafe` is in its path.
    pub(crate) fn prepare(&self, command: &mut Command) {
        prepare(command, self.folder.path());
        command
            .env("HELVETISAFE_BASE_URL", VAULT.base_url())
            .env("HELVETISAFE_CLIENT_ID", &self.owner.client_id)
            .env(
                "HELVETISAFE_CLIENT_SECRET",
                self.owner.client_secret.expose_secret(),
            )
            .env("HELVETISAFE_PRIVATE_KEY_PATH", "key.pem")
            // There is no terminal, and each home is new.
            .env("HELVETISAFE_TRUST_FIRST_USE", "true");
    }

    /// Returns the variables with the owner's credentials; the key's path is absolute.
    pub(crate) fn credentials(&self) -> [(&'static str, String); 3] {
        let secret = self.owner.client_secret.expose_secret();
        let key = self.folder.path().join("key.pem");
        [
            ("HELVETISAFE_CLIENT_ID", self.owner.client_id.clone()),
            ("HELVETISAFE_CLIENT_SECRET", secret.to_owned()),
            ("HELVETISAFE_PRIVATE_KEY_PATH", key.display().to_string()),
        ]
    }

    /// Returns the value and the nonce of a secret, as the vault stores them.
    pub(crate) fn stored(&self, key: &str) -> (String, String) {
        let stored = VAULT.stored_secrets(&self.organization).unwrap();
        let found = stored.iter().find(|it| it.key.as_str() == key).unwrap();
        (found.value.clone(), found.nonce.clone())
    }

    /// Invalidates all access tokens of the owner.
    pub(crate) fn revoke_tokens(&self) {
        VAULT.revoke_tokens(&self.owner).unwrap();
    }

    /// The values that transcripts write as `[NAME]`.
    pub(crate) fn names(&self) -> Vec<(&'static str, String)> {
        let folder = self.folder.path().to_str().unwrap();
        let token = VAULT
            .new_api_token(&self.owner, NewApiToken::default())
            .unwrap();
        vec![
            ("URL", VAULT.base_url().to_owned()),
            ("DIR", folder.to_owned()),
            ("CLIENT_ID", self.owner.client_id.clone()),
            (
                "CLIENT_SECRET",
                self.owner.client_secret.expose_secret().to_owned(),
            ),
            ("API_TOKEN", token.expose_secret().to_owned()),
            ("PASSWORD", self.owner.password.expose_secret().to_owned()),
        ]
    }

    /// Returns the value of a name.
    pub(crate) fn name(&self, name: &str) -> String {
        let names = self.names();
        let found = names.into_iter().find(|(known, _)| *known == name);
        found.unwrap().1
    }

    /// Connects the library as the owner.
    pub(crate) fn client(&self) -> Client {
        let secret = self.owner.client_secret.expose_secret();
        Client::builder(
            VAULT.base_url(),
            Credentials::service_account(self.owner.client_id.as_str(), secret),
            KeySource::pem(self.owner.private_key_pem.as_str()),
        )
        .connect()
        .unwrap()
    }

    /// The fingerprint of the organization's key.
    pub(crate) fn fingerprint(&self) -> String {
        self.client().org_key_fingerprint().to_string()
    }

    /// Returns the response of a vault that gives the owner an org key of its own.
    pub(crate) fn foreign_org_key(&self) -> String {
        let public = PrivateKey::from_pem(&self.owner.private_key_pem)
            .unwrap()
            .public_key();
        let wrapped = public.wrap_org_key(&OrgKey::from_bytes(&[6; 32])).unwrap();
        format!(
            r#"{{"encrypted_org_key":"{}","key_epoch":1}}"#,
            wrapped.encode()
        )
    }

    /// An account that may only read; its key is in `reader.pem`.
    pub(crate) fn reader_names(&self) -> Vec<(&'static str, String)> {
        let scopes = Scopes::from([Scope::SecretsRead, Scope::CredentialsRead]);
        let account = NewAccount::default().scopes(scopes);
        let reader = VAULT.new_account(&self.organization, account).unwrap();
        self.write("reader.pem", &reader.private_key_pem, 0o600);
        vec![
            ("READER_ID", reader.client_id.clone()),
            (
                "READER_SECRET",
                reader.client_secret.expose_secret().to_owned(),
            ),
        ]
    }

    /// The command of another account of the organization, which has only these scopes.
    pub(crate) fn command_with(&self, scopes: impl Into<Scopes>) -> Command {
        let account = NewAccount::default().scopes(scopes);
        let account = VAULT.new_account(&self.organization, account).unwrap();
        self.write("other.pem", &account.private_key_pem, 0o600);
        let mut command = self.command();
        command
            .env("HELVETISAFE_CLIENT_ID", &account.client_id)
            .env(
                "HELVETISAFE_CLIENT_SECRET",
                account.client_secret.expose_secret(),
            )
            .env("HELVETISAFE_PRIVATE_KEY_PATH", "other.pem");
        command
    }

    /// Stores a secret.
    pub(crate) fn set(&self, key: &str, value: &str) {
        let mut command = self.command();
        command.args(["set", key, "--value-file", "value"]);
        self.write("value", value, 0o600);
        assert!(command.status().unwrap().success());
    }

    pub(crate) fn write(&self, name: &str, text: &str, mode: u32) {
        write_private(&self.folder.path().join(name), text, mode);
    }
}

/// Gives any program this working directory and home, and nothing else; `helvetisafe` is in its path.
pub(crate) fn prepare(command: &mut Command, folder: &Path) {
    #[cfg(target_os = "linux")]
    LazyLock::force(&HANDLED_SIGNALS);
    let binary = Path::new(env!("CARGO_BIN_EXE_helvetisafe"));
    let mut path = binary.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder);
}

pub(crate) fn write_private(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}
