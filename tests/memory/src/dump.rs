//! The memory of a stopped process, as in a core dump.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::process::Command;

/// One mapping of a process.
pub struct Region {
    /// The kernel's name of it: `[heap]`, `[stack]`, a file, or empty.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Every mapping of the process that can be read, in one piece each, through `/proc`. That needs
/// the right to trace it, which a parent has, unless a policy of the system says otherwise.
///
/// # Errors
///
/// When a mapping cannot be read, above all for lack of that right.
pub fn by_proc(pid: u32) -> io::Result<Vec<Region>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut regions = Vec::new();
    for line in maps.lines() {
        // The kernel's own pages hold no data of the process, and not all can be read.
        let is_kernels = ["[vvar", "[vsyscall]", "[vdso]"];
        if is_kernels.iter().any(|name| line.contains(name)) {
            continue;
        }
        let Some((start, length)) = readable(line) else {
            continue;
        };
        let mut bytes = vec![0; length];
        memory
            .read_exact_at(&mut bytes, start)
            .map_err(|error| io::Error::new(error.kind(), format!("{line}: {error}")))?;
        let name = line.split_ascii_whitespace().nth(5).unwrap_or_default();
        regions.push(Region {
            name: name.to_owned(),
            bytes,
        });
    }
    Ok(regions)
}

/// The start and the length of a mapping that can be read, from a line of `maps`.
fn readable(line: &str) -> Option<(u64, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    words.next().filter(|rights| rights.starts_with('r'))?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    Some((start, usize::try_from(end - start).ok()?))
}

/// The same by `gcore` of gdb; `None` without gdb.
///
/// # Errors
///
/// When it does not run or leaves no dump.
pub fn by_gcore(pid: u32) -> io::Result<Option<Region>> {
    let folder = tempfile::tempdir()?;
    let prefix = folder.path().join("core");
    let gcore = Command::new("gcore")
        .arg("-a")
        .arg("-o")
        .arg(&prefix)
        .arg(pid.to_string())
        .output();
    match gcore {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Ok(Some(Region {
            name: "core dump".to_owned(),
            bytes: fs::read(prefix.with_extension(pid.to_string()))?,
        })),
    }
}
