//! The size of the write-ahead log.
//!
//! SQLite moves a long log to the database file, but starts it anew only while no connection reads an older state.
//! Overlapping lists of a large organization would let it grow until the disk is full.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// The size from which a commit waits for the connections that read, in bytes.
const MAX: u64 = 128 << 20;

/// Returns the file of the write-ahead log.
pub(super) fn log_of(database: &Path) -> PathBuf {
    let mut file = OsString::from(database);
    file.push("-wal");
    file.into()
}

/// The write-ahead log of a database file.
pub(super) struct Log {
    file: PathBuf,
    max: u64,
}

impl Log {
    pub(super) fn of(database: &Path) -> Self {
        Self {
            file: log_of(database),
            max: MAX,
        }
    }

    /// Empties a log that is too long, after the reads in progress. Later reads do not wait, and need no log.
    pub(super) fn shorten(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        // Without a file there is no log yet. After another error, the next commit checks the size.
        let size = fs::metadata(&self.file).map_or(0, |file| file.len());
        if size <= self.max {
            return Ok(());
        }
        // Returns busy, which is no error, if the reads take longer than the busy timeout.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::super::connection;
    use super::*;

    /// Reads one state after the other until the end.
    fn read_on(path: &Path, is_over: &AtomicBool) {
        let reader = connection::read_only(path).unwrap();
        while !is_over.load(Ordering::Relaxed) {
            let begin = "BEGIN; SELECT count(*) FROM numbers";
            reader.execute_batch(begin).unwrap();
            thread::sleep(Duration::from_millis(10));
            reader.execute_batch("COMMIT").unwrap();
        }
    }

    /// There is always a read in progress, so SQLite alone would not begin the log anew.
    #[test]
    fn the_log_stays_short_while_reads_overlap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let writer = connection::writing(&path).unwrap();
        let table = "CREATE TABLE numbers (n BLOB)";
        writer.execute_batch(table).unwrap();
        let log = Log {
            max: 4 << 20,
            ..Log::of(&path)
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (path, is_over) = (path.clone(), Arc::clone(&is_over));
                thread::spawn(move || read_on(&path, &is_over))
            })
            .collect();
        let mut longest = 0;
        for _ in 0..150 {
            let write = "DELETE FROM numbers; INSERT INTO numbers VALUES (zeroblob(200000))";
            writer.execute_batch(write).unwrap();
            log.shorten(&writer).unwrap();
            longest = longest.max(fs::metadata(&log.file).unwrap().len());
            thread::sleep(Duration::from_millis(2));
        }
        is_over.store(true, Ordering::Relaxed);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
        assert!(longest < 8 << 20, "{longest}");
    }
}
