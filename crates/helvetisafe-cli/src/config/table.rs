//! All settings, and their names in each place: the one table that flags, variables, profiles,
//! `config show` and messages are made from.

use std::fmt;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Setting {
    BaseUrl,
    ClientId,
    ClientSecret,
    ApiToken,
    PrivateKey,
    Passphrase,
    Password,
    CaCertificate,
    Timeout,
    OrgKeyFingerprint,
    TrustFirstUse,
    AllowUnbound,
    RequireBinding,
    KeepToken,
}

impl Setting {
    pub(crate) const ALL: [Self; 14] = [
        Self::BaseUrl,
        Self::ClientId,
        Self::ClientSecret,
        Self::ApiToken,
        Self::PrivateKey,
        Self::Passphrase,
        Self::Password,
        Self::CaCertificate,
        Self::Timeout,
        Self::OrgKeyFingerprint,
        Self::TrustFirstUse,
        Self::AllowUnbound,
        Self::RequireBinding,
        Self::KeepToken,
    ];

    /// Its name in `config show`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BaseUrl => "base_url",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::ApiToken => "api_token",
            Self::PrivateKey => "private_key",
            Self::Passphrase => "private_key_passphrase",
            Self::Password => "password",
            Self::CaCertificate => "ca_certificate",
            Self::Timeout => "timeout",
            Self::OrgKeyFingerprint => "org_key_fingerprint",
            Self::TrustFirstUse => "trust_first_use",
            Self::AllowUnbound => "allow_unbound",
            Self::RequireBinding => "require_binding",
            Self::KeepToken => "keep_token",
        }
    }

    /// The names of all its ways, for "give …".
    pub(crate) fn ways(self) -> String {
        let names = WAYS
            .iter()
            .filter(|way| way.setting == self)
            .flat_map(|way| [way.flag, way.variable, way.profile])
            .flatten();
        names.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is written in the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The value, which is no secret.
    Text,
    /// `true` or `false`; in a profile without quotes. A flag has no value, and is `true`.
    Switch,
    /// The path of a file.
    Path,
    /// The secret itself: in a variable only.
    Secret,
    /// The program that prints the secret, and its arguments: in a profile only.
    Command,
}

/// One way to give a setting: the form, and its name where a place has it.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) setting: Setting,
    pub(crate) form: Form,
    pub(crate) flag: Option<&'static str>,
    pub(crate) variable: Option<&'static str>,
    pub(crate) profile: Option<&'static str>,
}

#[rustfmt::skip]
pub(crate) const WAYS: &[Way] = {
    use Form::{Command, Path, Secret, Switch, Text};
    use Setting::*;
    &[
        way(BaseUrl, Text, "--base-url", "HELVETISAFE_BASE_URL", "base_url"),
        way(ClientId, Text, "--client-id", "HELVETISAFE_CLIENT_ID", "client_id"),
        way(ClientSecret, Secret, "", "HELVETISAFE_CLIENT_SECRET", ""),
        way(ClientSecret, Path, "--client-secret-file", "HELVETISAFE_CLIENT_SECRET_FILE", "client_secret_file"),
        way(ClientSecret, Command, "", "", "client_secret_command"),
        way(ApiToken, Secret, "", "HELVETISAFE_API_TOKEN", ""),
        way(ApiToken, Path, "--api-token-file", "HELVETISAFE_API_TOKEN_FILE", "api_token_file"),
        way(ApiToken, Command, "", "", "api_token_command"),
        way(PrivateKey, Path, "--private-key-path", "HELVETISAFE_PRIVATE_KEY_PATH", "private_key_path"),
        way(PrivateKey, Secret, "", "HELVETISAFE_PRIVATE_KEY_PEM", ""),
        way(PrivateKey, Command, "", "", "private_key_pem_command"),
        way(Passphrase, Secret, "", "HELVETISAFE_PRIVATE_KEY_PASSPHRASE", ""),
        way(Passphrase, Path, "--private-key-passphrase-file", "HELVETISAFE_PRIVATE_KEY_PASSPHRASE_FILE", "private_key_passphrase_file"),
        way(Passphrase, Command, "", "", "private_key_passphrase_command"),
        way(Password, Secret, "", "HELVETISAFE_PASSWORD", ""),
        way(Password, Path, "--password-file", "HELVETISAFE_PASSWORD_FILE", "password_file"),
        way(Password, Command, "", "", "password_command"),
        way(CaCertificate, Path, "--ca-certificate", "HELVETISAFE_CA_CERTIFICATE", "ca_certificate"),
        way(Timeout, Text, "--timeout", "HELVETISAFE_TIMEOUT", "timeout"),
        way(OrgKeyFingerprint, Text, "--org-key-fingerprint", "HELVETISAFE_ORG_KEY_FINGERPRINT", "org_key_fingerprint"),
        way(TrustFirstUse, Switch, "--trust-first-use", "HELVETISAFE_TRUST_FIRST_USE", ""),
        way(AllowUnbound, Switch, "--allow-unbound", "HELVETISAFE_ALLOW_UNBOUND", "allow_unbound"),
        way(RequireBinding, Switch, "--require-binding", "HELVETISAFE_REQUIRE_BINDING", "require_binding"),
        way(KeepToken, Switch, "", "HELVETISAFE_KEEP_TOKEN", "keep_token"),
    ]
};

/// What a profile must not hold, since it would be a secret in plain text; and its ways that may.
pub(crate) const PLAIN_SECRETS: &[(&str, &str)] = &[
    (
        "client_secret",
        "client_secret_file or client_secret_command",
    ),
    ("api_token", "api_token_file or api_token_command"),
    ("private_key", "private_key_path or private_key_pem_command"),
    (
        "private_key_pem",
        "private_key_path or private_key_pem_command",
    ),
    (
        "private_key_passphrase",
        "private_key_passphrase_file or private_key_passphrase_command",
    ),
    ("password", "password_file or password_command"),
];

const fn way(
    setting: Setting,
    form: Form,
    flag: &'static str,
    variable: &'static str,
    profile: &'static str,
) -> Way {
    Way {
        setting,
        form,
        flag: some(flag),
        variable: some(variable),
        profile: some(profile),
    }
}

const fn some(name: &'static str) -> Option<&'static str> {
    if name.is_empty() { None } else { Some(name) }
}
