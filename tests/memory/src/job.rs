//! The job of a subject, sent over a pipe into buffers that are wiped. Secrets in its arguments or its
//! environment would be found there, through no fault of the client.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

type Bytes = Zeroizing<Vec<u8>>;

/// The vault, the credentials, and the secrets to read and write. The pipe has the fields in this order:
/// the length as 4 bytes, little-endian, then the bytes.
#[derive(Default)]
pub struct Job {
    /// Of the vault.
    pub base_url: Bytes,
    /// A further certificate authority as PEM, or nothing.
    pub authority: Bytes,
    /// Of a service account; empty for an API token.
    pub client_id: Bytes,
    /// The client secret or the API token.
    pub credential: Bytes,
    /// `password`, `pem` or `pem-file`.
    pub key_source: Bytes,
    /// The password, the PEM, or the path of the PEM.
    pub key: Bytes,
    /// The passphrase of an encrypted PEM, or nothing.
    pub passphrase: Bytes,
    /// A name to create and update.
    pub new_name: Bytes,
    /// Its value, which it is also updated with.
    pub new_value: Bytes,
    /// Names to read, separated by spaces.
    pub names: Bytes,
    /// The number of concurrent threads; one decimal digit, 0 for the main thread.
    pub threads: Bytes,
    /// The client: `blocking` or `async`.
    pub client: Bytes,
}

impl Job {
    fn parts(&mut self) -> [&mut Bytes; 12] {
        [
            &mut self.base_url,
            &mut self.authority,
            &mut self.client_id,
            &mut self.credential,
            &mut self.key_source,
            &mut self.key,
            &mut self.passphrase,
            &mut self.new_name,
            &mut self.new_value,
            &mut self.names,
            &mut self.threads,
            &mut self.client,
        ]
    }

    /// Writes the job.
    ///
    /// # Errors
    ///
    /// Those of `pipe`.
    pub fn write(&mut self, mut pipe: impl Write) -> io::Result<()> {
        for part in self.parts() {
            let length = u32::try_from(part.len()).map_err(io::Error::other)?;
            pipe.write_all(&length.to_le_bytes())?;
            pipe.write_all(part)?;
        }
        Ok(())
    }

    /// Reads a job, each part into one allocation. `pipe` should have no buffer of its own.
    ///
    /// # Errors
    ///
    /// Those of `pipe`.
    pub fn read(mut pipe: impl Read) -> io::Result<Self> {
        let mut job = Self::default();
        for part in job.parts() {
            let mut length = [0; 4];
            pipe.read_exact(&mut length)?;
            *part = Zeroizing::new(vec![0; u32::from_le_bytes(length) as usize]);
            pipe.read_exact(part)?;
        }
        Ok(job)
    }
}
