//! The words of the command for the settings of the library: its messages never name a part of the library.

use helvetisafe::{Error, Setting};

use super::Failure;

/// The advice for an operation that timed out; the time of the whole command has one of its own.
pub(crate) const LONGER_TIMEOUT: &str =
    "try again, or set a longer --timeout, HELVETISAFE_TIMEOUT, or timeout in the profile";

/// The advice for a write that timed out, which may have happened.
pub(super) const LONGER_FOR_ANSWERS: &str = "a longer --timeout, HELVETISAFE_TIMEOUT, or timeout in the profile leaves more time for the answer";

/// Returns true if a longer timeout helps.
pub(super) fn is_timeout(setting: Setting) -> bool {
    advice(setting) == Some(LONGER_TIMEOUT)
}

/// Describes an error that is no failure of the command, with the advice of the command.
pub(crate) fn describe(error: &Error) -> String {
    let failure = Failure::without_doctor(error.clone());
    failure.message().unwrap_or_default().to_owned()
}

/// Returns what helps in the words of the command; `None` where no option of the command does.
pub(super) fn advice(setting: Setting) -> Option<&'static str> {
    match setting {
        Setting::CaCertificate => Some(
            "if the vault's certificate is from an authority of your own, name that with \
             --ca-certificate; else do not continue",
        ),
        Setting::SecretLimit => Some("the command reads and writes no larger secret"),
        Setting::OperationTimeout | Setting::AttemptTimeout | Setting::SilenceTimeout => {
            Some(LONGER_TIMEOUT)
        }
        Setting::Passphrase => Some(
            "give its passphrase with --private-key-passphrase-file, or in \
             HELVETISAFE_PRIVATE_KEY_PASSPHRASE",
        ),
        Setting::Scopes => Some(
            "the vault does not give this account all requested scopes: name those that it has with \
             --scopes, HELVETISAFE_SCOPES, or scopes in the profile; `helvetisafe account scopes` lists them",
        ),
        Setting::Resume => Some(
            "each command fetches an access token: let commands share one, with keep_token = true in the profile, or \
             HELVETISAFE_KEEP_TOKEN=true",
        ),
        Setting::ClientCertificate => Some(
            "the command has no client certificate: use an address of the vault that requires none",
        ),
        Setting::Roots => Some(
            "install the certificates of the system, which are often in the package ca-certificates, or name an authority \
             with --ca-certificate",
        ),
        _ => None,
    }
}
