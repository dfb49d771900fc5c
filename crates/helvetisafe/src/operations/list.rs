//! Lists secrets: all at once, or in pages if the vault has announced them.

use helvetisafe_proto::endpoint::{ListSecrets, ListedSecret, Page};

use super::Operation;
use crate::error::{Action, Error};
use crate::http::{Failure, TransportError};
use crate::runtime::Runtime;

/// The secrets of a page. A page of the longest names takes 5 MB.
const PAGE: u32 = 10_000;
/// The memory of all pages, in multiples of the limit of one.
const PAGES: usize = 8;

impl<R: Runtime> Operation<'_, R> {
    /// Returns the whole list. Secrets that are created or deleted meanwhile may be in it or not.
    pub(super) async fn list_all(&self) -> Result<Vec<ListedSecret>, Error> {
        let api = &self.vault.api;
        let first = Page {
            limit: PAGE,
            after: None,
        };
        let mut call = ListSecrets {
            page: api.paging.is_announced().then_some(first),
        };
        let (mut listed, mut bytes) = (Vec::new(), 0);
        loop {
            let answer = api.call(&call, Action::List, &self.bounds).await?;
            let next = match &call.page {
                Some(page) => page.next(&answer),
                None => Ok(None),
            };
            let next = next.map_err(|error| Error::new(Action::List, error))?;
            bytes += answer.keys.iter().map(size_of).sum::<usize>();
            listed.extend(answer.keys);
            if next.is_none() {
                return Ok(listed);
            }
            if bytes > api.limits.list.saturating_mul(PAGES) {
                let error = TransportError::new(Failure::TooLarge);
                return Err(Error::new(Action::List, error));
            }
            call.page = next;
        }
    }
}

/// Returns the memory of an entry in bytes.
fn size_of(listed: &ListedSecret) -> usize {
    std::mem::size_of::<ListedSecret>() + listed.key.len()
}
