//! The JSON of an answer, in memory that is taken from a budget before it is allocated.

use std::io::{self, ErrorKind, Write};

use axum::body::Bytes;
use serde::Serialize;

use crate::budget::{Budget, Share};
use crate::store::StoreError;

/// The first allocation of an answer of unknown size, in bytes.
const FIRST_ALLOCATION: usize = 64 * 1024;

/// The failure of a read.
pub(crate) enum ReadError {
    Store(StoreError),
    /// The answers that are being sent use the whole budget.
    Overloaded,
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An answer that is being written.
pub(crate) struct Answer<'a> {
    json: Vec<u8>,
    share: Share,
    budget: &'a Budget,
    /// Frees memory of the budget, such as cached lists.
    evict: &'a dyn Fn(),
}

impl<'a> Answer<'a> {
    /// Begins an answer of about `size` bytes. If the budget has too little left, `evict` is called first. Memory for the
    /// rows may be included in the size, and is counted until [`finish`](Self::finish).
    pub(crate) fn begin(
        budget: &'a Budget,
        evict: &'a dyn Fn(),
        size: Option<usize>,
    ) -> Result<Self, ReadError> {
        let size = size.unwrap_or(FIRST_ALLOCATION);
        let share = budget.take(size).or_else(|| {
            evict();
            budget.take(size)
        });
        Ok(Self {
            share: share.ok_or(ReadError::Overloaded)?,
            json: Vec::with_capacity(size),
            budget,
            evict,
        })
    }

    /// Adds text.
    pub(crate) fn add_text(&mut self, text: &str) -> Result<(), ReadError> {
        self.write_all(text.as_bytes())
            .map_err(|_| ReadError::Overloaded)
    }

    /// Adds the JSON of a text.
    pub(crate) fn add_string(&mut self, text: &str) -> Result<(), ReadError> {
        // Without a branch per byte, so that many bytes are compared at a time.
        let is_plain = |byte: u8| (byte >= b' ') & (byte != b'"') & (byte != b'\\');
        if !text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
            return self.add(&text);
        }
        self.add_text("\"")?;
        self.add_text(text)?;
        self.add_text("\"")
    }

    /// Adds the JSON of a value.
    pub(crate) fn add(&mut self, value: &impl Serialize) -> Result<(), ReadError> {
        serde_json::to_writer(self, value).map_err(|error| match error.is_io() {
            true => ReadError::Overloaded,
            false => StoreError::Failed(error.to_string()).into(),
        })
    }

    /// Returns the answer. Its memory counts until the last copy is dropped: a slow client can hold it longer than
    /// the cache.
    pub(crate) fn finish(mut self) -> Bytes {
        self.json.shrink_to_fit();
        self.share.shrink_to(self.json.capacity());
        self.share.attach_to(self.json)
    }

    /// Makes room for more bytes. Returns false if the budget has too little left.
    #[inline]
    fn reserve(&mut self, more: usize) -> bool {
        let needed = self.json.len().saturating_add(more);
        needed <= self.json.capacity() || self.grow(needed)
    }

    /// Grows to at least the needed capacity, in steps that double. Returns false if the budget has too little left.
    fn grow(&mut self, needed: usize) -> bool {
        let capacity = needed.max(self.json.capacity().saturating_mul(2));
        if !self.budget.grow(&mut self.share, capacity) {
            (self.evict)();
            if !self.budget.grow(&mut self.share, capacity) {
                return false;
            }
        }
        self.json.reserve_exact(capacity - self.json.len());
        true
    }
}

impl Write for Answer<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.reserve(bytes.len()) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        self.json.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Called for every part of the JSON.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A value of 100 bytes that counts how often it is serialized.
    struct Counted<'a>(&'a Cell<usize>);

    impl Serialize for Counted<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.set(self.0.get() + 1);
            serializer.serialize_str(&"x".repeat(98))
        }
    }

    #[test]
    fn a_text_is_written_as_the_serializer_writes_it() {
        let budget = Budget::new(10_000);
        let all: String = (0..0x500).filter_map(char::from_u32).collect();
        let texts = all
            .char_indices()
            .map(|(at, c)| &all[at..at + c.len_utf8()]);
        for text in texts.chain(["", &all, "QUJD+/==", "a\"b"]) {
            let mut answer = Answer::begin(&budget, &|| (), None).ok().unwrap();
            answer.add_string(text).ok().unwrap();
            assert_eq!(answer.finish(), serde_json::to_vec(text).unwrap());
        }
    }

    #[test]
    fn an_answer_takes_its_share_before_it_is_serialized() {
        let (budget, count) = (Budget::new(10_000), Cell::new(0));
        let other = budget.take(1).unwrap();
        let values: Vec<_> = (0..1000).map(|_| Counted(&count)).collect();
        let mut answer = Answer::begin(&budget, &|| (), Some(100)).ok().unwrap();
        assert!(matches!(answer.add(&values), Err(ReadError::Overloaded)));
        assert!(count.get() <= 100, "{}", count.get());
        assert!(answer.json.capacity() <= 10_000);
        drop((answer, other));
        assert!(budget.take(10_000).is_some());
    }

    #[test]
    fn an_answer_takes_no_more_than_its_length_in_the_end() {
        let budget = Budget::new(100_000);
        let mut answer = Answer::begin(&budget, &|| (), None).ok().unwrap();
        answer.add_text("[").ok().unwrap();
        answer.add(&"a").ok().unwrap();
        answer.add_text("]").ok().unwrap();
        let bytes = answer.finish();
        assert_eq!(&bytes[..], br#"["a"]"#);
        assert!(budget.take(100_000 - 8).is_some());
    }

    #[test]
    fn one_answer_may_be_larger_than_the_budget() {
        let budget = Budget::new(1000);
        let text = "x".repeat(900);
        let mut answer = Answer::begin(&budget, &|| (), Some(10)).ok().unwrap();
        for _ in 0..5 {
            answer.add_text(&text).ok().unwrap();
        }
        assert!(budget.take(1).is_none());
        assert_eq!(answer.finish().len(), 4500);
    }

    #[test]
    fn cached_lists_are_evicted() {
        let budget = Budget::new(1000);
        let cached = Cell::new(budget.take(800));
        let evict = || drop(cached.take());
        let answer = Answer::begin(&budget, &evict, Some(500));
        assert!(answer.is_ok());
    }
}
