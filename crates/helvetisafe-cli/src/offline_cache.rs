//! The cache on disk of one vault and account: its responses, which are ciphertext, and the sealed access
//! token.
//!
//! The session uses it twice: for `run --offline` and its like, and for the access token that one
//! command leaves to the next.

mod entry;
mod file;
mod recorder;
mod resource;
mod snapshot;
mod transport;

pub(crate) use file::CacheFile;
pub(crate) use recorder::{Recorder, Update, ticket_update};
pub(crate) use resource::{LIST, ORG_KEY, is_data, of_path};
pub(crate) use snapshot::{Miss, Snapshot};
pub(crate) use transport::{RecordingTransport, WriteTransport};
