/// Why a cryptographic operation failed.
///
/// It is one small `Copy` type without details on purpose: for each operation that a hostile
/// server can feed, there is one variant for every cause, so that neither the text nor the type
/// tells it which check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A base64 text from the wire is not canonical RFC 4648 section 4, or holds the wrong number
    /// of bytes. This is public structure: nothing secret was touched yet.
    #[error("malformed base64, or not the right number of bytes")]
    Encoding,
    /// An envelope does not open: another org key, another nonce, or changed ciphertext. AES-GCM
    /// does not tell which, and neither does this crate.
    #[error("the secret does not open under this org key: another key, or changed data")]
    Decryption,
    /// An envelope opened, but what is inside is not text: not UTF-8, or JSON strings that no
    /// Unicode text can hold.
    #[error("the secret opened, but what is inside is not text")]
    Payload,
    /// A wrapped org key does not unwrap: another private key, changed ciphertext, wrong length,
    /// bad OAEP padding, or not 32 bytes inside. One error, so that it is no padding oracle.
    #[error("the org key does not unwrap with this private key")]
    Unwrap,
    /// A locked private key does not unlock: another password, changed data, or something other
    /// than an acceptable RSA key inside. One error for all.
    #[error("the private key does not unlock: wrong password, or changed data")]
    Unlock,
    /// A text is no RSA private key in PEM (PKCS#1, PKCS#8) or JWK form.
    #[error(
        "not an RSA private key in PEM form (PKCS#1 or PKCS#8) or as a JWK; \
         OpenSSL converts others: openssl pkcs8 -topk8 -in key -out key.pem"
    )]
    KeyFormat,
    /// An RSA private key is not acceptable: its modulus has fewer than 2048 or more than 8192
    /// bits, its public exponent is even, below 3 or above 2^33 - 1, or its parts disagree.
    #[error(
        "the RSA key is refused: it has to have 2048 to 8192 bits, an odd public exponent \
         below 2^33, and parts that agree"
    )]
    KeyRejected,
    /// A PEM is encrypted and no passphrase was given.
    #[error("the private key is encrypted: give its passphrase")]
    PassphraseRequired,
    /// An encrypted PEM does not decrypt: another passphrase, changed data, or an encryption
    /// that is not supported.
    #[error(
        "the encrypted private key does not decrypt: wrong passphrase, changed data, or an \
         encryption other than PBES2 with AES"
    )]
    Passphrase,
    /// A plaintext is longer than AES-GCM allows (NIST SP 800-38D section 5.2.1.1: 2^36 - 32
    /// bytes), or a password or salt is outside what Argon2 allows.
    #[error("an input is longer than the algorithm allows")]
    TooLong,
    /// The source of randomness failed. No weaker source takes its place.
    #[error("the random source failed")]
    Randomness,
}
