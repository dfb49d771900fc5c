//! The protection of this process from other processes: its memory, and its variables, which they could inherit.

use std::process::Command;
use std::{env, io};

/// The variables that configure this command, its credentials included. The `*` stands for any characters.
pub(crate) const OUR_VARIABLES: &str = "HELVETISAFE_*";

/// Returns true if a variable configures this command. Windows ignores the case of names.
pub(crate) fn is_ours(name: &str) -> bool {
    let prefix = OUR_VARIABLES.trim_end_matches('*');
    name.get(..prefix.len())
        .is_some_and(|start| match cfg!(windows) {
            true => start.eq_ignore_ascii_case(prefix),
            false => start == prefix,
        })
}

/// Removes the variables of this command from the environment of another program.
pub(crate) fn remove_our_variables(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if is_ours(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

/// Makes this process non-dumpable: other processes of the same user can read neither its memory nor its
/// environment, they cannot attach a debugger, and it leaves no core dump. Root still can.
///
/// A program that this process starts or becomes is dumpable again, since `exec` resets the flag. A limit
/// on core dumps (`RLIMIT_CORE`) would be inherited instead.
///
/// # Errors
///
/// Those of `prctl`, which only a sandbox refuses.
#[cfg(target_os = "linux")]
pub(crate) fn protect_memory() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Only Linux supports it.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn protect_memory() -> io::Result<()> {
    Ok(())
}
