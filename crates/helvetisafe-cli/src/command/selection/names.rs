//! Names that no secret takes by accident: whoever sets one of these variables decides what the
//! programs that see it run, load or trust.

/// The configuration of this command, its credentials included.
const OURS: &str = "HELVETISAFE_";

/// What many programs, the system's loader and the shells act upon.
const EXACT: &[&str] = &[
    // Where programs and files are found
    "PATH",
    "HOME",
    "SHELL",
    "TMPDIR",
    "CDPATH",
    "XDG_CONFIG_HOME",
    "XDG_DATA_DIRS",
    // Shells
    "BASH_ENV",
    "ENV",
    "IFS",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "ZDOTDIR",
    // Programs that other programs start
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    // The C library
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_TRACE",
    "NLSPATH",
    "RES_OPTIONS",
    "RESOLV_HOST_CONF",
    // Trust in certificates
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SSLKEYLOGFILE",
    "CURL_CA_BUNDLE",
    "CURL_HOME",
    "REQUESTS_CA_BUNDLE",
    // Languages
    "CLASSPATH",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "_JAVA_OPTIONS",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "PERL5DB",
    "PERL5LIB",
    "PERL5OPT",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONUSERBASE",
    "RUBYLIB",
    "RUBYOPT",
    "RUSTC_WRAPPER",
    "DOTNET_STARTUP_HOOKS",
    "ERL_AFLAGS",
    "ERL_FLAGS",
    "ERL_ZFLAGS",
    // Windows
    "COMSPEC",
    "PATHEXT",
    "PSMODULEPATH",
    "SYSTEMROOT",
    "WINDIR",
];

/// Families: the loaders of Linux and macOS, functions that bash imports, profilers of .NET, and
/// the programs and settings of git.
const FAMILIES: &[&str] = &[
    OURS,
    "LD_",
    "DYLD_",
    "BASH_FUNC_",
    "CORECLR_PROFILER",
    "COR_PROFILER",
    "GIT_ASKPASS",
    "GIT_CONFIG",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSL_",
    "GIT_TEMPLATE_DIR",
];

/// Whether a variable of this name does more than carry a value.
pub(super) fn is_dangerous(name: &str) -> bool {
    let is_listed = |listed: &&str| is_same(name, listed);
    EXACT.iter().any(is_listed) || FAMILIES.iter().any(|family| begins(name, family))
}

/// Whether a variable configures this command.
pub(in crate::command) fn is_ours(name: &str) -> bool {
    begins(name, OURS)
}

fn begins(name: &str, family: &str) -> bool {
    name.get(..family.len())
        .is_some_and(|head| is_same(head, family))
}

/// On Windows the case of names does not count.
fn is_same(a: &str, b: &str) -> bool {
    a == b || (cfg!(windows) && a.eq_ignore_ascii_case(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_programs_act_upon_are_known() {
        for name in [
            "PATH",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "BASH_ENV",
            "ENV",
            "IFS",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5OPT",
            "RUBYOPT",
            "JAVA_TOOL_OPTIONS",
            "GIT_SSH_COMMAND",
            "BASH_FUNC_ls%%",
            "HELVETISAFE_CLIENT_SECRET",
        ] {
            assert!(is_dangerous(name), "{name}");
        }
        for name in [
            "",
            "DATABASE_URL",
            "PATHS",
            "LD",
            "GIT_TOKEN",
            "HTTPS_PROXY",
            "é",
        ] {
            assert!(!is_dangerous(name), "{name}");
        }
    }
}
