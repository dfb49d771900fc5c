//! What is kept on disk of one vault and account, all of it ciphertext.
//!
//! Two use it: [`crate::offline`] the vault's answers, and whatever connects the access token.

mod answers;
mod file;
mod news;
mod token;

pub(crate) use answers::{Answers, Kept, LIST, is_secret, resource_of};
pub(crate) use file::CacheFile;
pub(crate) use news::{Brought, Recorded};
pub(crate) use token::TokenKeeper;
