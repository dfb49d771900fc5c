//! All settings and their names: the one table behind flags, variables, profiles, `config show` and
//! messages.

use std::fmt;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Setting {
    BaseUrl,
    FailoverUrls,
    ClientId,
    ClientSecret,
    ApiToken,
    PrivateKey,
    Passphrase,
    Password,
    SigningKey,
    VerificationKey,
    AllowPlainHttp,
    Scopes,
    CaCertificate,
    Timeout,
    OrgKeyFingerprint,
    TrustFirstUse,
    AllowUnbound,
    RequireBinding,
    KeepToken,
    InsecurePermissions,
}

impl Setting {
    /// Returns all settings, in the order of [`SPECS`].
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let settings = SPECS.chunk_by(|a, b| a.setting == b.setting);
        settings.filter_map(|specs| Some(specs.first()?.setting))
    }

    /// Returns the name in `config show`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BaseUrl => "base_url",
            Self::FailoverUrls => "failover_urls",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::ApiToken => "api_token",
            Self::PrivateKey => "private_key",
            Self::Passphrase => "private_key_passphrase",
            Self::Password => "password",
            Self::SigningKey => "signing_key",
            Self::VerificationKey => "verification_key",
            Self::AllowPlainHttp => "allow_plain_http",
            Self::Scopes => "scopes",
            Self::CaCertificate => "ca_certificate",
            Self::Timeout => "timeout",
            Self::OrgKeyFingerprint => "org_key_fingerprint",
            Self::TrustFirstUse => "trust_first_use",
            Self::AllowUnbound => "allow_unbound",
            Self::RequireBinding => "require_binding",
            Self::KeepToken => "keep_token",
            Self::InsecurePermissions => "insecure_permissions",
        }
    }

    /// Returns true if profiles have it.
    pub(crate) fn is_in_profiles(self) -> bool {
        let mut specs = SPECS.iter().filter(|spec| spec.setting == self);
        specs.any(|spec| spec.profile.is_some())
    }

    /// Returns true if its value is a secret.
    pub(super) fn is_secret(self) -> bool {
        self.profile_key(ValueKind::Command).is_some()
    }

    /// Returns its key in a profile for values of a kind.
    pub(super) fn profile_key(self, kind: ValueKind) -> Option<&'static str> {
        let mut specs = SPECS.iter();
        specs
            .find(|spec| spec.setting == self && spec.kind == kind)?
            .profile
    }

    /// Returns its first flag and its first variable, for "give A or B".
    pub(super) fn names(self) -> String {
        let specs = || SPECS.iter().filter(|spec| spec.setting == self);
        let flag = specs().find_map(|spec| spec.flag);
        let names = flag.into_iter().chain(self.variable());
        names.collect::<Vec<_>>().join(" or ")
    }

    /// Returns its first variable.
    pub(super) fn variable(self) -> Option<&'static str> {
        let mut specs = SPECS.iter().filter(|spec| spec.setting == self);
        specs.find_map(|spec| spec.variable)
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The kind of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// The value, which is not a secret.
    Text,
    /// Words that spaces or commas separate; in a profile also a list of texts.
    List,
    /// `true` or `false`; in a profile without quotes. A flag has no value and means `true`.
    Switch,
    /// The path of a file.
    Path,
    /// The secret itself; only in a variable.
    Secret,
    /// The program that prints the secret, and its arguments; only in a profile.
    Command,
}

/// A kind of value for a setting, and its name in each source that has one.
#[derive(Debug)]
pub(super) struct SettingSpec {
    pub(super) setting: Setting,
    pub(super) kind: ValueKind,
    pub(super) flag: Option<&'static str>,
    pub(super) variable: Option<&'static str>,
    pub(super) profile: Option<&'static str>,
}

#[rustfmt::skip]
pub(super) const SPECS: &[SettingSpec] = {
    use ValueKind::{Command, List, Path, Secret, Switch, Text};
    use Setting::*;
    &[
        spec(BaseUrl, Text, "--base-url", "HELVETISAFE_BASE_URL", "base_url"),
        spec(FailoverUrls, List, "--failover-urls", "HELVETISAFE_FAILOVER_URLS", "failover_urls"),
        spec(ClientId, Text, "--client-id", "HELVETISAFE_CLIENT_ID", "client_id"),
        spec(ClientSecret, Secret, "", "HELVETISAFE_CLIENT_SECRET", ""),
        spec(ClientSecret, Path, "--client-secret-file", "HELVETISAFE_CLIENT_SECRET_FILE", "client_secret_file"),
        spec(ClientSecret, Command, "", "", "client_secret_command"),
        spec(ApiToken, Secret, "", "HELVETISAFE_API_TOKEN", ""),
        spec(ApiToken, Path, "--api-token-file", "HELVETISAFE_API_TOKEN_FILE", "api_token_file"),
        spec(ApiToken, Command, "", "", "api_token_command"),
        spec(PrivateKey, Path, "--private-key-path", "HELVETISAFE_PRIVATE_KEY_PATH", "private_key_path"),
        spec(PrivateKey, Secret, "", "HELVETISAFE_PRIVATE_KEY_PEM", ""),
        spec(PrivateKey, Command, "", "", "private_key_pem_command"),
        spec(Passphrase, Secret, "", "HELVETISAFE_PRIVATE_KEY_PASSPHRASE", ""),
        spec(Passphrase, Path, "--private-key-passphrase-file", "HELVETISAFE_PRIVATE_KEY_PASSPHRASE_FILE", "private_key_passphrase_file"),
        spec(Passphrase, Command, "", "", "private_key_passphrase_command"),
        spec(Password, Secret, "", "HELVETISAFE_PASSWORD", ""),
        spec(Password, Path, "--password-file", "HELVETISAFE_PASSWORD_FILE", "password_file"),
        spec(Password, Command, "", "", "password_command"),
        spec(SigningKey, Path, "--signing-key-path", "HELVETISAFE_SIGNING_KEY_PATH", "signing_key_path"),
        spec(SigningKey, Secret, "", "HELVETISAFE_SIGNING_KEY_PEM", ""),
        spec(SigningKey, Command, "", "", "signing_key_pem_command"),
        spec(VerificationKey, Text, "--verification-key", "HELVETISAFE_VERIFICATION_KEY", "verification_key"),
        spec(AllowPlainHttp, Text, "--allow-plain-http", "HELVETISAFE_ALLOW_PLAIN_HTTP", "allow_plain_http"),
        spec(Scopes, List, "--scopes", "HELVETISAFE_SCOPES", "scopes"),
        spec(CaCertificate, Path, "--ca-certificate", "HELVETISAFE_CA_CERTIFICATE", "ca_certificate"),
        spec(Timeout, Text, "--timeout", "HELVETISAFE_TIMEOUT", "timeout"),
        spec(OrgKeyFingerprint, Text, "--org-key-fingerprint", "HELVETISAFE_ORG_KEY_FINGERPRINT", "org_key_fingerprint"),
        spec(TrustFirstUse, Switch, "--trust-first-use", "HELVETISAFE_TRUST_FIRST_USE", ""),
        spec(AllowUnbound, Switch, "--allow-unbound", "HELVETISAFE_ALLOW_UNBOUND", "allow_unbound"),
        spec(RequireBinding, Switch, "--require-binding", "HELVETISAFE_REQUIRE_BINDING", "require_binding"),
        spec(KeepToken, Switch, "", "HELVETISAFE_KEEP_TOKEN", "keep_token"),
        spec(InsecurePermissions, Switch, "--insecure-permissions", "HELVETISAFE_INSECURE_PERMISSIONS", "insecure_permissions"),
    ]
};

/// Returns what a profile must have instead of a key that would be a secret in plain text; `None` for
/// other keys.
pub(super) fn instead_of_plain(key: &str) -> Option<String> {
    let is_plain = |spec: &&SettingSpec| {
        let name = spec
            .variable
            .map(|name| name.replacen("HELVETISAFE_", "", 1));
        let is_named =
            spec.setting.name() == key || name.is_some_and(|it| it.eq_ignore_ascii_case(key));
        spec.kind == ValueKind::Secret && is_named
    };
    let setting = SPECS.iter().find(is_plain)?.setting;
    let keys = SPECS.iter().filter(|spec| spec.setting == setting);
    let keys: Vec<_> = keys.filter_map(|spec| spec.profile).collect();
    Some(keys.join(" or "))
}

const fn spec(
    setting: Setting,
    kind: ValueKind,
    flag: &'static str,
    variable: &'static str,
    profile: &'static str,
) -> SettingSpec {
    SettingSpec {
        setting,
        kind,
        flag: some(flag),
        variable: some(variable),
        profile: some(profile),
    }
}

const fn some(name: &'static str) -> Option<&'static str> {
    if name.is_empty() { None } else { Some(name) }
}
