//! The flags of the settings.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::advice;

/// The flags that select a vault and an account, or are needed to reach it.
const SELECTING: [&str; 11] = [
    "--base-url",
    "--failover-urls",
    "--client-id",
    "--client-secret-file",
    "--api-token-file",
    "--private-key-path",
    "--private-key-passphrase-file",
    "--password-file",
    "--signing-key-path",
    "--allow-plain-http",
    "--ca-certificate",
];

/// The options that select a configuration file and override its settings.
#[derive(Clone, Args, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct SettingsArgs {
    /// The configuration file [else HELVETISAFE_CONFIG,
    /// else $XDG_CONFIG_HOME/helvetisafe/config.toml].
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The profile in it [else HELVETISAFE_PROFILE, else `default_profile` in the file].
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) profile: Option<String>,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

impl SettingsArgs {
    /// Drops the scopes, which are an option of another meaning in some commands.
    pub(crate) fn without_scopes(mut self) -> Self {
        self.flags.scopes = None;
        self
    }

    /// Returns the given option that selects the configuration file, as a shell reads it, after a space.
    pub(crate) fn config_selection(&self) -> String {
        let config = self.config.as_ref();
        config.map_or_else(String::new, |file| {
            format!(" {}", advice::option("--config", file))
        })
    }

    /// Returns the given options that select a vault and an account, as a shell reads them, each after a space.
    pub(crate) fn selection(&self) -> String {
        let config = ("--config", path(&self.config));
        let profile = ("--profile", text(&self.profile));
        let flags = SELECTING.map(|flag| (flag, self.flags.get(flag)));
        let options = [config, profile].into_iter().chain(flags);
        let given = options.filter_map(|(flag, value)| Some((flag, value?)));
        let words =
            given.map(|(flag, value)| format!(" {}", advice::option(flag, Path::new(value))));
        words.collect()
    }
}

/// The settings that can be given as a flag. [`super::spec::SPECS`] lists all settings.
#[derive(Clone, Args, Default)]
#[command(next_help_heading = "Connection")]
pub(super) struct SettingFlags {
    /// The URL of the vault [else HELVETISAFE_BASE_URL].
    #[arg(long, global = true, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    base_url: Option<String>,
    /// More URLs of the same vault, separated by spaces. Reads, and writes that were not sent, go to the next one
    /// if one fails [else HELVETISAFE_FAILOVER_URLS].
    #[arg(long, global = true, value_name = "URLS", value_parser = NonEmptyStringValueParser::new())]
    failover_urls: Option<String>,
    /// The id of the service account [else HELVETISAFE_CLIENT_ID].
    #[arg(long, global = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    client_id: Option<String>,
    /// A file with the secret of the service account [else HELVETISAFE_CLIENT_SECRET].
    #[arg(long, global = true, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// A file with a portal API token [else HELVETISAFE_API_TOKEN].
    #[arg(long, global = true, value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// The private key, PEM [else HELVETISAFE_PRIVATE_KEY_PATH].
    #[arg(long, global = true, value_name = "FILE")]
    private_key_path: Option<PathBuf>,
    /// A file with the passphrase of an encrypted private key.
    #[arg(long, global = true, value_name = "FILE")]
    private_key_passphrase_file: Option<PathBuf>,
    /// A file with the password of the private key that the vault stores
    /// [else HELVETISAFE_PASSWORD].
    #[arg(long, global = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The signing key of an administrator, PEM, for `org` [else HELVETISAFE_SIGNING_KEY_PATH].
    #[arg(long, global = true, value_name = "FILE")]
    signing_key_path: Option<PathBuf>,
    /// The verification key of an administrator, ed25519:…, by which the signed chain of the organization is
    /// trusted if none of it is remembered [else HELVETISAFE_VERIFICATION_KEY].
    #[arg(long, global = true, value_name = "ED25519", value_parser = NonEmptyStringValueParser::new())]
    verification_key: Option<String>,
    /// Allow http:// to this host, a name or an address without a port. Everyone on the network in between
    /// can then read the credential and the names of secrets, and use them; the values stay encrypted
    /// [else HELVETISAFE_ALLOW_PLAIN_HTTP].
    #[arg(long, global = true, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    allow_plain_http: Option<String>,
    /// The scopes to request for the access token, such as "secrets:read credentials:read" [else
    /// HELVETISAFE_SCOPES, else all].
    #[arg(long, global = true, value_name = "SCOPES", value_parser = NonEmptyStringValueParser::new())]
    scopes: Option<String>,
    /// One more certificate authority to trust, PEM [else HELVETISAFE_CA_CERTIFICATE].
    #[arg(long, global = true, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// The time for all requests to the vault together, such as 10s or 2m [else HELVETISAFE_TIMEOUT,
    /// else 30s; for import and delete 30s per secret].
    #[arg(long, global = true, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    timeout: Option<String>,
    /// The fingerprint that the org key must have, SHA256:… [else
    /// HELVETISAFE_ORG_KEY_FINGERPRINT, else the one remembered on first use; see `trust`].
    #[arg(long, global = true, value_name = "FINGERPRINT", value_parser = NonEmptyStringValueParser::new())]
    org_key_fingerprint: Option<String>,
    /// Allow a first write without a terminal, under the org key that the vault sends
    /// [else HELVETISAFE_TRUST_FIRST_USE].
    #[arg(long, global = true)]
    trust_first_use: bool,
    /// Read secrets whose only field has the name of another secret, although a hostile vault may have
    /// exchanged them [else HELVETISAFE_ALLOW_UNBOUND].
    #[arg(long, global = true, conflicts_with = "require_binding")]
    allow_unbound: bool,
    /// Refuse secrets that do not name their key inside the encryption: multi-field secrets and legacy
    /// text [else HELVETISAFE_REQUIRE_BINDING].
    #[arg(long, global = true)]
    require_binding: bool,
    /// Use key, secret, configuration and state files that other users can read or write
    /// [else HELVETISAFE_INSECURE_PERMISSIONS].
    #[arg(long, global = true, help_heading = "Global options")]
    insecure_permissions: bool,
}

impl SettingFlags {
    /// Returns the value of a flag.
    pub(super) fn get(&self, flag: &str) -> Option<&OsStr> {
        match flag {
            "--base-url" => text(&self.base_url),
            "--failover-urls" => text(&self.failover_urls),
            "--client-id" => text(&self.client_id),
            "--client-secret-file" => path(&self.client_secret_file),
            "--api-token-file" => path(&self.api_token_file),
            "--private-key-path" => path(&self.private_key_path),
            "--private-key-passphrase-file" => path(&self.private_key_passphrase_file),
            "--password-file" => path(&self.password_file),
            "--signing-key-path" => path(&self.signing_key_path),
            "--verification-key" => text(&self.verification_key),
            "--allow-plain-http" => text(&self.allow_plain_http),
            "--scopes" => text(&self.scopes),
            "--ca-certificate" => path(&self.ca_certificate),
            "--timeout" => text(&self.timeout),
            "--org-key-fingerprint" => text(&self.org_key_fingerprint),
            "--trust-first-use" => switch(self.trust_first_use),
            "--allow-unbound" => switch(self.allow_unbound),
            "--require-binding" => switch(self.require_binding),
            "--insecure-permissions" => switch(self.insecure_permissions),
            _ => None,
        }
    }
}

fn text(value: &Option<String>) -> Option<&OsStr> {
    value.as_deref().map(OsStr::new)
}

fn path(value: &Option<PathBuf>) -> Option<&OsStr> {
    value.as_deref().map(Path::as_os_str)
}

fn switch(is_set: bool) -> Option<&'static OsStr> {
    is_set.then(|| OsStr::new("true"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::spec::{SPECS, ValueKind};
    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        settings: SettingsArgs,
    }

    #[test]
    fn the_options_that_select_a_vault_are_quoted_for_a_shell() {
        let cli = Cli::try_parse_from([
            "helvetisafe",
            "--timeout=1s",
            "--base-url=https://vault.example",
            "--failover-urls=https://a https://b",
            "--profile=my vault",
        ]);
        let selection = cli.unwrap().settings.selection();
        assert_eq!(
            selection,
            " --profile 'my vault' --base-url https://vault.example --failover-urls 'https://a https://b'"
        );
    }

    #[test]
    fn every_flag_of_the_table_is_an_argument_and_is_read() {
        for (spec, flag) in SPECS.iter().filter_map(|spec| Some((spec, spec.flag?))) {
            let (value, expected) = match spec.kind {
                ValueKind::Switch => (None, "true"),
                _ => (Some("value"), "value"),
            };
            let arguments = ["helvetisafe", flag].into_iter().chain(value);
            let cli = Cli::try_parse_from(arguments).unwrap();
            let value = cli.settings.flags.get(flag);
            assert_eq!(value, Some(OsStr::new(expected)), "{flag}");
        }
    }
}
