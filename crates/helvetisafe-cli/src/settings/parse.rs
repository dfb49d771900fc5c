//! The settings from what the user gave in each source.

use std::cmp::Ordering;
use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::BaseUrl;
use helvetisafe::organization::VerificationKey;

use super::secret::LazySecret;
use super::{
    Authentication, Binding, Entries, Entry, ExpectedOrgKey, Failover, Key, PlainHttp, RawValue,
    RequestedScopes, Setting, Settings,
};
use crate::advice;
use crate::failure::Failure;
use crate::ui::duration;

impl Settings {
    /// Fails with everything that is missing or contradictory, else with the first invalid value.
    pub(crate) fn parse(entries: &Entries) -> Result<Self, Failure> {
        entries.check()?;
        let authentication = Authentication::parse(entries)?;
        let is_api_token = matches!(authentication, Authentication::ApiToken(_));
        Ok(Self {
            base_url: text(entries, Setting::BaseUrl)?,
            failover: Failover::parse(entries)?,
            plain_http: PlainHttp::parse(entries)?,
            scopes: RequestedScopes::parse(entries)?,
            key: Key::parse(entries)?,
            signing_key: secret(entries, Setting::SigningKey),
            verification_key: verification_key(entries)?,
            timeout: timeout(entries)?,
            binding: binding(entries)?,
            trust_first_use: is_on(entries, Setting::TrustFirstUse)?,
            keep_token: is_on(entries, Setting::KeepToken)? && !is_api_token,
            org_key: org_key(entries)?,
            ca_certificate: path(entries, Setting::CaCertificate),
            insecure_permissions: is_on(entries, Setting::InsecurePermissions)?,
            profile: entries.profile.clone(),
            authentication,
        })
    }
}

impl Authentication {
    fn parse(entries: &Entries) -> Result<Self, Failure> {
        if let Some(token) = secret(entries, Setting::ApiToken) {
            return Ok(Self::ApiToken(token));
        }
        Ok(Self::ServiceAccount {
            client_id: text(entries, Setting::ClientId)?,
            client_secret: secret(entries, Setting::ClientSecret)
                .ok_or_else(|| not_set(Setting::ClientSecret))?,
        })
    }
}

impl Key {
    fn parse(entries: &Entries) -> Result<Self, Failure> {
        if let Some(password) = secret(entries, Setting::Password) {
            return Ok(Self::Password(password));
        }
        Ok(Self::Pem {
            pem: secret(entries, Setting::PrivateKey)
                .ok_or_else(|| not_set(Setting::PrivateKey))?,
            passphrase: secret(entries, Setting::Passphrase),
        })
    }
}

pub(super) fn base(url: &str, plain_http: Option<&PlainHttp>) -> Result<BaseUrl, Failure> {
    let base = match plain_http {
        Some(allowed) => BaseUrl::parse_with_plain_http(url, &allowed.host),
        None => BaseUrl::parse(url),
    };
    base.map_err(Failure::usage)
}

fn not_set(setting: Setting) -> Failure {
    Failure::usage(format_args!("{setting} is not set"))
}

pub(super) fn text(entries: &Entries, setting: Setting) -> Result<String, Failure> {
    let (text, _) = entries.text(setting).ok_or_else(|| not_set(setting))?;
    Ok(text.to_owned())
}

pub(super) fn path(entries: &Entries, setting: Setting) -> Option<PathBuf> {
    match &entries.used(setting)?.value {
        RawValue::Path(path) => Some(path.clone()),
        _ => None,
    }
}

pub(super) fn secret(entries: &Entries, setting: Setting) -> Option<LazySecret> {
    let entry = entries.used(setting)?;
    Some(LazySecret::new(entry, entries.insecure_permissions))
}

/// Returns true if a switch is set to `true`.
fn is_on(entries: &Entries, setting: Setting) -> Result<bool, Failure> {
    let Some((text, origin)) = entries.text(setting) else {
        return Ok(false);
    };
    text.parse().map_err(|_| {
        Failure::usage(format_args!(
            "{origin} is neither true nor false: `{text}`; set it to one of them"
        ))
    })
}

pub(super) fn timeout(entries: &Entries) -> Result<Option<Duration>, Failure> {
    let Some((text, origin)) = entries.text(Setting::Timeout) else {
        return Ok(None);
    };
    duration::parse(text).map(Some).ok_or_else(|| {
        Failure::usage(format_args!(
            "{origin} is not a time: `{text}`; {}",
            duration::advice(text, "10s or 2m")
        ))
    })
}

fn org_key(entries: &Entries) -> Result<Option<ExpectedOrgKey>, Failure> {
    let Some((text, origin)) = entries.text(Setting::OrgKeyFingerprint) else {
        return Ok(None);
    };
    let fingerprint = text.parse().map_err(|_| {
        Failure::usage(format_args!(
            "{origin} is not a fingerprint: `{text}`; it is SHA256: and 43 characters, as \
             {} shows it",
            advice::command("trust")
        ))
    })?;
    let origin = origin.clone();
    Ok(Some(ExpectedOrgKey {
        fingerprint,
        origin,
    }))
}

fn verification_key(entries: &Entries) -> Result<Option<VerificationKey>, Failure> {
    let Some((text, origin)) = entries.text(Setting::VerificationKey) else {
        return Ok(None);
    };
    let key = text.parse().map_err(|error| {
        Failure::usage(format_args!(
            "{origin} cannot be used: `{text}`: {error}; copy verification_key from the profile of an account of the organization"
        ))
    });
    key.map(Some)
}

/// Of two contradictory switches the one from the stronger source wins.
fn binding(entries: &Entries) -> Result<Binding, Failure> {
    let switched_on = |setting| -> Result<Option<&Entry>, Failure> {
        let is_on = is_on(entries, setting)?;
        Ok(entries.used(setting).filter(|_| is_on))
    };
    let allow = switched_on(Setting::AllowUnbound)?;
    let require = switched_on(Setting::RequireBinding)?;
    let (allow, require) = match (allow, require) {
        (None, None) => return Ok(Binding::RefuseOthers),
        (Some(_), None) => return Ok(Binding::AllowUnbound),
        (None, Some(_)) => return Ok(Binding::Required),
        (Some(allow), Some(require)) => (allow, require),
    };
    match entries.rank_of(allow).cmp(&entries.rank_of(require)) {
        Ordering::Less => Ok(Binding::AllowUnbound),
        Ordering::Greater => Ok(Binding::Required),
        Ordering::Equal => Err(Failure::usage(format_args!(
            "{} and {} contradict each other; set only one of them to true",
            allow.origin, require.origin
        ))),
    }
}
