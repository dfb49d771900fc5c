//! Messages for the operator, on standard error: a line of text each, or with `serve --log-format json` an object. Those
//! of `serve` have a time.
//!
//! A log that cannot be written, such as one on a full disk, stops nothing.

mod limited;

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub(crate) use limited::Limited;

/// Set by the command alone, for the whole process.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Set by the command alone, if the reader of standard error adds no time.
static HAS_TIME: AtomicBool = AtomicBool::new(false);

/// The lines for the thread that writes them; `None` if they are written by the caller.
static QUEUE: RwLock<Option<SyncSender<String>>> = RwLock::new(None);

/// The capacity of the queue. Further lines are dropped, since a slow reader must not delay requests.
const QUEUED_LINES: usize = 4096;

/// The timeout for writing the queued lines when the process ends.
const FLUSH: Duration = Duration::from_secs(1);

/// The form of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// Sets the form of all messages of this process.
pub(crate) fn set_format(format: Format) {
    IS_JSON.store(format == Format::Json, Ordering::Relaxed);
}

/// Lets text lines begin with the time, unless they go to systemd's journal, which adds it.
pub(crate) fn add_time() {
    HAS_TIME.store(!is_journal(), Ordering::Relaxed);
}

/// Returns true if standard error is the stream that `JOURNAL_STREAM` names by its device and inode, which a program inherits
/// also when its standard error is redirected.
#[cfg(unix)]
fn is_journal() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let stderr = io::stderr().as_fd().try_clone_to_owned();
    let metadata = stderr.and_then(|it| std::fs::File::from(it).metadata());
    let stream = std::env::var("JOURNAL_STREAM");
    stream
        .is_ok_and(|stream| metadata.is_ok_and(|it| stream == format!("{}:{}", it.dev(), it.ino())))
}

#[cfg(not(unix))]
fn is_journal() -> bool {
    false
}

/// Reports an event.
pub(crate) fn info(message: &dyn Display) {
    write(line("info", message, &[]));
}

/// Reports something that the operator should act on.
pub(crate) fn warning(message: &dyn Display) {
    write(line("warning", message, &[]));
}

/// Reports an error.
pub(crate) fn error(message: &dyn Display) {
    write(line("error", message, &[]));
}

/// Writes a line, or queues it. Returns false if it was dropped.
pub(crate) fn write(mut line: String) -> bool {
    line.push('\n');
    let queue = QUEUE.read().unwrap_or_else(PoisonError::into_inner);
    match &*queue {
        Some(queue) => queue.try_send(line).is_ok(),
        None => io::stderr().write_all(line.as_bytes()).is_ok(),
    }
}

/// The thread that writes the lines. Dropping it writes the queued lines first, unless standard error is stuck.
pub(crate) struct Writer(Receiver<()>);

impl Writer {
    /// Starts the thread. There is one for a process.
    pub(crate) fn start() -> io::Result<Self> {
        let (lines, queue) = sync_channel::<String>(QUEUED_LINES);
        let (ended, is_over) = channel();
        let thread = std::thread::Builder::new().name("helvetisafe-log".to_owned());
        thread.spawn(move || {
            for line in queue {
                // A failed write loses the line, and nothing else.
                let _ = io::stderr().write_all(line.as_bytes());
            }
            drop(ended);
        })?;
        *QUEUE.write().unwrap_or_else(PoisonError::into_inner) = Some(lines);
        Ok(Self(is_over))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        *QUEUE.write().unwrap_or_else(PoisonError::into_inner) = None;
        // An error means that the thread has ended, or that the timeout has passed.
        let _ = self.0.recv_timeout(FLUSH);
    }
}

/// A message with fields, as one line.
pub(crate) fn line(level: &str, message: &dyn Display, fields: &[(&str, Value)]) -> String {
    if IS_JSON.load(Ordering::Relaxed) {
        json(level, message, fields)
    } else {
        text(level, message, fields)
    }
}

fn text(level: &str, message: &dyn Display, fields: &[(&str, Value)]) -> String {
    let prefix = match level {
        "error" => "ERROR: ",
        "warning" => "WARNING: ",
        _ => "",
    };
    let message = message.to_string().replace(['\r', '\n'], " ");
    let mut line = match HAS_TIME.load(Ordering::Relaxed) {
        true => format!("{:.3} ", Timestamp::now()),
        false => String::new(),
    };
    line.push_str(&format!("helvetisafe-server: {prefix}{message}"));
    for (name, value) in fields {
        // Numbers and quoted texts, as logfmt has them.
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

fn json(level: &str, message: &dyn Display, fields: &[(&str, Value)]) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), Timestamp::now().to_string().into());
    object.insert("level".to_owned(), level.into());
    object.insert(
        "message".to_owned(),
        fmt::format(format_args!("{message}")).into(),
    );
    for (name, value) in fields {
        object.insert((*name).to_owned(), value.clone());
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_in_both_forms() {
        let fields = [("status", 200.into()), ("client", "a \"b\"\n".into())];
        assert_eq!(
            text("info", &"access", &fields),
            r#"helvetisafe-server: access status=200 client="a \"b\"\n""#
        );
        assert_eq!(
            text("warning", &"two\nlines", &[]),
            "helvetisafe-server: WARNING: two lines"
        );
        assert_eq!(text("error", &"it", &[]), "helvetisafe-server: ERROR: it");
        let object: Value = serde_json::from_str(&json("info", &"two\nlines", &fields)).unwrap();
        assert_eq!(object["message"], "two\nlines");
        assert_eq!(object["level"], "info");
        assert_eq!(object["status"], 200);
        assert!(
            object["time"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .is_ok()
        );
    }
}
