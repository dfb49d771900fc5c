//! The reasons for which a certificate is refused.

use std::error::Error as StdError;
use std::io;

use rustls::CertificateError;

/// The reason for which the vault's certificate was refused, as far as it needs an advice of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateProblem {
    UnknownIssuer,
    OtherHost,
    Expired,
    NotYetValid,
    /// It is that of an authority, which may sign certificates but no server may use.
    IsAuthority,
}

impl CertificateProblem {
    /// Finds the reason in an error of an HTTP library and its causes.
    pub(super) fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        causes(error).find_map(|cause| match cause.downcast_ref()? {
            rustls::Error::InvalidCertificate(error) => Self::of(error),
            _ => None,
        })
    }

    fn of(error: &CertificateError) -> Option<Self> {
        use CertificateError as Refused;
        match error {
            // The authority has the name of a trusted one and another key: it was made again.
            Refused::UnknownIssuer | Refused::BadSignature => Some(Self::UnknownIssuer),
            Refused::NotValidForName | Refused::NotValidForNameContext { .. } => {
                Some(Self::OtherHost)
            }
            Refused::Expired | Refused::ExpiredContext { .. } => Some(Self::Expired),
            Refused::NotValidYet | Refused::NotValidYetContext { .. } => Some(Self::NotYetValid),
            // An error of the verifier that `rustls` has no name for.
            Refused::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => {
                Some(Self::IsAuthority)
            }
            _ => None,
        }
    }

    /// Returns what the user can do, except for the reason that a setting helps against.
    pub(crate) fn advice(self) -> Option<&'static str> {
        match self {
            Self::UnknownIssuer => None,
            Self::OtherHost => Some("the certificate is for another host: check the base URL"),
            Self::Expired => Some(
                "let the vault's operator renew the certificate, and check this machine's clock",
            ),
            Self::NotYetValid => Some("check this machine's clock"),
            Self::IsAuthority => Some(
                "the certificate is that of an authority (basicConstraints CA:TRUE), which no server may use: \
                 give the vault one with basicConstraints CA:FALSE",
            ),
        }
    }
}

/// Returns an error and its causes, including those that `source` skips: the error that an I/O error wraps, and
/// that of `ureq`.
pub(super) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let io: Option<&io::Error> = match error.downcast_ref() {
            Some(ureq::Error::Rustls(cause)) => return Some(cause),
            Some(ureq::Error::Io(io)) => Some(io),
            _ => error.downcast_ref(),
        };
        match io.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(error: CertificateError) -> Option<CertificateProblem> {
        CertificateProblem::find(&rustls::Error::InvalidCertificate(error))
    }

    #[test]
    fn an_authority_that_was_made_again_is_an_unknown_issuer() {
        let unknown = Some(CertificateProblem::UnknownIssuer);
        assert_eq!(problem(CertificateError::UnknownIssuer), unknown);
        assert_eq!(problem(CertificateError::BadSignature), unknown);
        assert_eq!(problem(CertificateError::BadEncoding), None);
    }
}
