//! A certificate chain and its private key, checked against each other.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use zeroize::Zeroizing;

use super::CertificateFiles;
use super::chain::{Chain, Validity};
use crate::private_files;
use crate::problem::Problem;

/// The time before the end of a certificate from which it is reported.
const EXPIRY_NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A certificate chain with the key that fits it.
pub(crate) struct Pair {
    certified: Arc<CertifiedKey>,
    chain: Chain,
}

impl Pair {
    /// Reads and checks both files. A certificate that is not valid now is refused.
    pub(crate) fn load(files: &CertificateFiles) -> Result<Self, Problem> {
        let certificates = read_certificates(&files.certificate)?;
        let chain = Chain::parse(&certificates).map_err(|error| {
            unusable_certificate(&files.certificate, format_args!("does not parse: {error}"))
        })?;
        if let Some(version) = chain.old_version() {
            let problem =
                format_args!("is of X.509 version {version}, which has no names of hosts");
            return Err(Problem::new(
                subject(&files.certificate),
                problem,
                ADD_NAMES,
            ));
        }
        let key = read_key(&files.key)?;
        let provider = super::provider();
        let certified = CertifiedKey::from_der(certificates, key, &provider)
            .map_err(|error| unfit(files, &error))?;
        let pair = Self {
            certified: Arc::new(certified),
            chain,
        };
        pair.check_validity(&files.certificate, Timestamp::now())?;
        Ok(pair)
    }

    pub(super) fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// Returns the validity of the server's certificate.
    pub(crate) fn validity(&self) -> Validity {
        self.chain.validity()
    }

    fn check_validity(&self, path: &Path, now: Timestamp) -> Result<(), Problem> {
        let Validity { from, until } = self.validity();
        if until <= now {
            let problem = format_args!("expired at {}", seconds(until));
            return Err(Problem::new(subject(path), problem, RENEW));
        }
        if from > now {
            let problem = format_args!("is not valid before {}", seconds(from));
            let remedy = "check the clock of this machine, or use a certificate that is valid now";
            return Err(Problem::new(subject(path), problem, remedy));
        }
        Ok(())
    }

    /// Returns flaws with which the vault serves: an expiry that is near, and chains that only some clients
    /// accept.
    pub(crate) fn warnings(&self, files: &CertificateFiles, now: Timestamp) -> Vec<Problem> {
        let subject = subject(&files.certificate);
        let mut warnings = Vec::new();
        let (own, first) = (self.validity().until, self.chain.first_end());
        if own.duration_since(now) < EXPIRY_NOTICE {
            let problem = format_args!("expires at {}", seconds(own));
            warnings.push(Problem::new(&subject, problem, RENEW));
        } else if first.duration_since(now) < EXPIRY_NOTICE {
            let problem = format_args!(
                "has an issuer in its chain that expires at {}",
                seconds(first)
            );
            warnings.push(Problem::new(&subject, problem, RENEW));
        }
        if let Some(position) = self.chain.break_at() {
            let problem = format_args!(
                "certificate {position} is not issued by certificate {} of the file",
                position + 1
            );
            let remedy = "write the server's certificate first, then each issuer in turn";
            warnings.push(Problem::new(&subject, problem, remedy));
        }
        if self.chain.lacks_names() {
            let problem = "has no extension subjectAltName, so clients refuse it for every host";
            warnings.push(Problem::new(&subject, problem, ADD_NAMES));
        }
        if self.chain.starts_with_authority() {
            let remedy = "use a certificate with CA:FALSE, since many clients refuse an authority's as a server's";
            warnings.push(Problem::new(
                &subject,
                "is an authority's certificate",
                remedy,
            ));
        }
        warnings
    }
}

const ADD_NAMES: &str = "issue it with the extension subjectAltName, which makes it version 3: openssl x509 -req has -extfile and \
                         -copy_extensions for it";

const RENEW: &str = "renew it, and replace both files; the vault reads them again by itself";

fn subject(path: &Path) -> String {
    format!("certificate {}", path.display())
}

fn unusable_certificate(path: &Path, problem: impl std::fmt::Display) -> Problem {
    let remedy =
        "write the chain as PEM, with lines BEGIN CERTIFICATE, the server's certificate first";
    Problem::new(subject(path), problem, remedy)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    private_files::check_regular(path, &subject(path))?;
    let text = fs::read(path).map_err(|error| {
        let problem = format_args!("cannot be read: {error}");
        Problem::new(subject(path), problem, "check the path and its permissions")
    })?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(found) if found.is_empty() => {
            Err(unusable_certificate(path, "contains no certificate in PEM"))
        }
        Ok(found) => Ok(found),
        Err(error) => {
            let problem = format_args!("is not valid PEM: {error}");
            Err(unusable_certificate(path, problem))
        }
    }
}

/// Reads a private key that no other user may read. No message quotes the file.
fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    let subject = format!("private key {}", path.display());
    let text = private_files::read_key(path, &subject)?;
    let keys: Vec<_> = PrivateKeyDer::pem_slice_iter(&text).collect();
    let count = keys.len();
    match keys.into_iter().next() {
        Some(Ok(key)) if count == 1 => Ok(key),
        Some(Ok(_)) => {
            let problem = "contains several private keys";
            Err(Problem::new(
                subject,
                problem,
                "leave the one of the certificate",
            ))
        }
        Some(Err(_)) => {
            let remedy = "write the key as PEM, PKCS#8, PKCS#1 or SEC1";
            Err(Problem::new(subject, "is not valid PEM", remedy))
        }
        None if is_encrypted(&text) => {
            let remedy = "decrypt it with openssl pkey -in FILE -out NEW, and give NEW mode 0600";
            Err(Problem::new(subject, "is encrypted", remedy))
        }
        None => {
            let remedy = "check that --tls-cert and --tls-key are not swapped";
            Err(Problem::new(
                subject,
                "contains no private key in PEM",
                remedy,
            ))
        }
    }
}

fn is_encrypted(text: &Zeroizing<Vec<u8>>) -> bool {
    let mark = b"ENCRYPTED";
    text.windows(mark.len()).any(|bytes| bytes == mark)
}

fn unfit(files: &CertificateFiles, error: &TlsError) -> Problem {
    let key = format!("private key {}", files.key.display());
    match error {
        TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => Problem::new(
            key,
            format_args!(
                "is not the key of the certificate {}",
                files.certificate.display()
            ),
            "replace both files, with a pair that belongs together",
        ),
        TlsError::InvalidCertificate(reason) => unusable_certificate(
            &files.certificate,
            format_args!("is not usable: {reason:?}"),
        ),
        error => Problem::new(
            key,
            format_args!("is not usable: {error}"),
            "use an RSA key of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519",
        ),
    }
}

fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
