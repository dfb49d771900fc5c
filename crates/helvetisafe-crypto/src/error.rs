/// The failure of a cryptographic operation.
///
/// The type has no details on purpose. A hostile server chooses the input of some operations; each of
/// those has a single variant for all causes, so the server never learns which check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A base64 text from the wire is not canonical (RFC 4648 section 4), or has the wrong number of
    /// bytes. No secret is involved at this point.
    #[error("malformed base64, or the wrong number of bytes")]
    Encoding,
    /// An envelope does not open: another org key, another nonce, or a changed ciphertext. AES-GCM
    /// cannot distinguish these.
    #[error("the secret does not open under this org key: another key, or changed data")]
    Decryption,
    /// An envelope opened, but its content is not text: it is not UTF-8, or a JSON string in it has an
    /// unpaired surrogate.
    #[error("the secret opened, but its content is not text")]
    Payload,
    /// A value of a field to write is not JSON.
    #[error("the value of the field is not JSON")]
    Json,
    /// A wrapped org key does not unwrap: another private key, changed ciphertext, wrong length,
    /// bad OAEP padding, or not 32 bytes inside. The causes share one variant so that the error is no
    /// padding oracle.
    #[error("the org key does not unwrap with this private key")]
    Unwrap,
    /// A locked private key does not unlock: another password, changed data, or no acceptable RSA key
    /// inside.
    #[error("the private key does not unlock: wrong password, or changed data")]
    Unlock,
    /// A text is not a PEM with one private key.
    #[error(transparent)]
    Pem(#[from] InvalidPem),
    /// The content of a PEM or a JWK is not an RSA private key (PKCS#1, PKCS#8).
    #[error(
        "the content is not an RSA private key (PKCS#1 or PKCS#8) or a JWK of one; \
         OpenSSL converts others: openssl pkcs8 -topk8 -in key -out key.pem"
    )]
    KeyFormat,
    /// An RSA private key is not acceptable: its modulus has fewer than 2048 or more than 8192 bits,
    /// its public exponent is even, below 3 or above 2^33 - 1, or its numbers are inconsistent.
    #[error(
        "the RSA key is refused: it must have 2048 to 8192 bits, an odd public exponent \
         below 2^33, and consistent numbers"
    )]
    KeyRejected,
    /// A PEM is encrypted, and no passphrase was given.
    #[error("the private key is encrypted: give its passphrase")]
    PassphraseRequired,
    /// An encrypted PEM does not decrypt: another passphrase, changed data, or an unsupported
    /// encryption.
    #[error(
        "the encrypted private key does not decrypt: wrong passphrase, changed data, or an \
         encryption other than PBES2 with AES"
    )]
    Passphrase,
    /// A plaintext is longer than AES-GCM allows (NIST SP 800-38D section 5.2.1.1: 2^36 - 32
    /// bytes), or a password or salt has a length that Argon2 does not allow.
    #[error("an input is longer than the algorithm allows")]
    TooLong,
    /// The random source failed. There is no fallback to a weaker one.
    #[error("the random source failed")]
    Randomness,
}

/// The reason for which a text is not a PEM with one RSA private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPem {
    /// It has no line `-----BEGIN … PRIVATE KEY-----`.
    #[error(
        "the text has no line such as `-----BEGIN PRIVATE KEY-----`: the first line is missing, or the text is \
         not a PEM"
    )]
    NoFirstLine,
    /// It is in UTF-16, with or without a byte order mark.
    #[error(
        "the text is in UTF-16, as some programs for Windows write it: save it as UTF-8 or ASCII"
    )]
    Utf16,
    /// The line `-----END … PRIVATE KEY-----` is missing, or has another label than the first line.
    #[error(
        "the PEM has no line `-----END …-----` that matches its first line: the end of the text is missing"
    )]
    NoLastLine,
    /// The line breaks are written as a backslash and `n`.
    #[error(
        "the PEM has `\\n`, a backslash and a letter, in place of its line breaks: replace each with a line break"
    )]
    EscapedLineBreaks,
    /// It is a public key.
    #[error("the PEM is a public key: use the private key that belongs to it")]
    PublicKey,
    /// It is a certificate.
    #[error("the PEM is a certificate: use the private key that belongs to it")]
    Certificate,
    /// It is something else, such as a certificate request.
    #[error("the PEM is not a private key")]
    NoPrivateKey,
    /// It is a private key for another algorithm, such as an elliptic curve, or in the form of OpenSSH.
    #[error(
        "the PEM is not an RSA private key in PKCS#1 or PKCS#8, but of another kind; ssh-keygen converts an RSA \
         key in the form of OpenSSH: ssh-keygen -p -m PEM -f key"
    )]
    OtherKey,
    /// It has more than one private key.
    #[error("the PEM has more than one private key: leave only the key of this account")]
    TwoPrivateKeys,
    /// The text between the first and the last line is not base64.
    #[error("the PEM is damaged: the text between its first and its last line is not base64")]
    Damaged,
}
