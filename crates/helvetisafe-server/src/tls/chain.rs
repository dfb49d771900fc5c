//! The facts in a certificate chain that decide whether clients accept it.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_cert::der::{Decode, Error};
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::{Certificate, Version};

/// A parsed chain. The first certificate is the server's.
pub(super) struct Chain(Vec<Certificate>);

/// The validity of a certificate.
#[derive(Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Chain {
    pub(super) fn parse(certificates: &[CertificateDer<'_>]) -> Result<Self, Error> {
        let parsed = certificates.iter().map(|it| Certificate::from_der(it));
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the validity of the server's certificate.
    pub(super) fn validity(&self) -> Validity {
        let Some(first) = self.0.first() else {
            // A pair has a certificate.
            return Validity {
                from: Timestamp::MAX,
                until: Timestamp::MIN,
            };
        };
        let validity = first.tbs_certificate().validity();
        Validity {
            from: timestamp(validity.not_before.to_unix_duration()),
            until: timestamp(validity.not_after.to_unix_duration()),
        }
    }

    /// Returns the version of the server's certificate, if it is older than 3. Such a certificate has no extensions, so it
    /// names no host, and TLS refuses it.
    pub(super) fn old_version(&self) -> Option<u8> {
        match self.0.first()?.tbs_certificate().version() {
            Version::V1 => Some(1),
            Version::V2 => Some(2),
            Version::V3 => None,
        }
    }

    /// Returns true if the server's certificate names no host where clients look for it.
    pub(super) fn lacks_names(&self) -> bool {
        self.0.first().is_some_and(|it| {
            let found = it.tbs_certificate().get_extension::<SubjectAltName>();
            matches!(found, Ok(None))
        })
    }

    /// Returns the first end of a certificate's validity.
    pub(super) fn first_end(&self) -> Timestamp {
        let ends = self
            .0
            .iter()
            .map(|it| it.tbs_certificate().validity().not_after);
        let ends = ends.map(|end| timestamp(end.to_unix_duration()));
        ends.min().unwrap_or(Timestamp::MIN)
    }

    /// Returns the position, from 1, of the first certificate that the next one did not issue.
    pub(super) fn break_at(&self) -> Option<usize> {
        let pairs = self.0.windows(2).position(|pair| match pair {
            [one, next] => one.tbs_certificate().issuer() != next.tbs_certificate().subject(),
            _ => false,
        });
        pairs.map(|position| position + 1)
    }

    /// Returns true if the first certificate is an authority's.
    pub(super) fn starts_with_authority(&self) -> bool {
        self.0.first().is_some_and(|it| {
            let found = it.tbs_certificate().get_extension::<BasicConstraints>();
            matches!(found, Ok(Some((_, constraints))) if constraints.ca)
        })
    }
}

/// Converts a time of a certificate. RFC 5280 allows years that no timestamp has.
fn timestamp(since_epoch: std::time::Duration) -> Timestamp {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
