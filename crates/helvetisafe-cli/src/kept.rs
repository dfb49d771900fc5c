//! What is kept on disk of one vault and account, all of it ciphertext.
//!
//! Two use it: [`crate::offline`] the vault's answers, and whatever connects the access token.

mod answers;
mod file;
mod token;

pub(crate) use answers::{Answers, Kept, LIST, Recorded, is_secret, resource_of};
pub(crate) use file::CacheFile;
pub(crate) use token::KeptToken;
