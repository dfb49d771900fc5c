//! A server in a temporary folder.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::programs;

/// Makes and runs the server until standard input ends, which it also does if the test is killed.
///
/// It takes the password as it is, since an unoptimized client computes SCRAM for most of a second. The
/// collation is not that of the bytes, so that a statement which relies on the database's fails. With PEM_CERTIFICATE, PEM_KEY
/// and PEM_AUTHORITY, which verifies clients that have a certificate, it speaks TLS.
const SCRIPT: &str = r#"
set -eu
# The vault refuses a password that other users can read.
umask 077
programs=$1 port=$2 primary=$3 password=$4
shift 4
folder=$(mktemp -d "${TMPDIR:-/tmp}/helvetisafe-postgres.XXXXXX")
server=
stop() {
    [ -z "$server" ] || { kill -QUIT "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM
initialize() {
    "$programs/initdb" -D "$folder/data" -U helvetisafe -A password --pwfile="$folder/password" \
        --no-sync -E UTF8 "$@" >"$folder/initdb.log" 2>&1
}
if [ -z "$primary" ]; then
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$folder/password"
    initialize --locale=C --locale-provider=icu --icu-locale=en || initialize --locale=C || {
        cat "$folder/initdb.log" >&2
        exit 1
    }
else
    cp "$password" "$folder/password"
    PGPASSWORD=$(cat "$password") "$programs/pg_basebackup" -D "$folder/data" -R -c fast --no-sync \
        -h 127.0.0.1 -p "$primary" -U helvetisafe
fi
if [ -n "${PEM_KEY:-}" ]; then
    [ -n "$("$programs/postgres" -D "$folder/data" -C ssl_library)" ] || { echo "no TLS"; exit; }
    printf %s "$PEM_CERTIFICATE" >"$folder/tls.crt"
    printf %s "$PEM_KEY" >"$folder/tls.key"
    printf %s "$PEM_AUTHORITY" >"$folder/ca.crt"
    set -- "$@" -c ssl=on -c ssl_cert_file="$folder/tls.crt" -c ssl_key_file="$folder/tls.key" \
        -c ssl_ca_file="$folder/ca.crt"
fi
"$programs/postgres" -D "$folder/data" -c listen_addresses=127.0.0.1 -c port="$port" \
    -c unix_socket_directories="$folder" -c fsync=off -c max_connections=300 -c dynamic_shared_memory_type=mmap "$@" \
    >"$folder/postgres.log" 2>&1 &
server=$!
until grep -qsE "database system is ready to accept (read-only )?connections" "$folder/postgres.log"; do
    kill -0 "$server" 2>/dev/null || { cat "$folder/postgres.log" >&2; exit 1; }
    sleep 0.05
done
echo "$folder"
# A line kills all processes at once: none may end another one's work in order.
while read -r _; do
    kill -STOP "$server"
    children=$(cat "/proc/$server/task/$server/children" 2>/dev/null || pgrep -P "$server")
    kill -KILL "$server" $children
    wait "$server" 2>/dev/null || true
    server=
done
"#;

/// A running server. It stops at once, as in a crash, and its folder is removed, on drop and when the process ends.
pub struct Server {
    folder: String,
    port: u16,
    script: Child,
    stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts a server with further arguments, such as `-c` and `fsync=on`. `None`, with a message, if this machine has no
    /// PostgreSQL.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Option<Self> {
        Self::run("", "", arguments, &[])
    }

    /// Starts a server that speaks TLS with this certificate and key, and verifies certificates of clients with those of this
    /// authority; all as PEM. `None`, with a message, if this machine has no PostgreSQL with TLS.
    #[must_use]
    pub fn start_with_tls(certificate: &str, key: &str, authority: &str) -> Option<Self> {
        let pems = [
            ("PEM_CERTIFICATE", certificate),
            ("PEM_KEY", key),
            ("PEM_AUTHORITY", authority),
        ];
        Self::run("", "", &[], &pems)
    }

    /// Starts a standby of this server, which replicates it and answers reads.
    #[must_use]
    pub fn standby(&self) -> Self {
        let password = format!("{}/password", self.folder);
        Self::run(&self.port.to_string(), &password, &[], &[]).unwrap()
    }

    /// Makes a primary of a standby, and returns once it is one.
    pub fn promote(&self) {
        crate::run(&self.url(), "SELECT pg_promote()");
    }

    /// Kills its processes at once, as the failure of its machine does. Its folder stays until it is dropped.
    pub fn kill(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"kill\n").unwrap();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            sleep(Duration::from_millis(5));
        }
    }

    /// Runs a script of SQL in its database.
    pub fn execute(&self, script: &str) {
        crate::run(&self.url(), script);
    }

    fn run(
        primary: &str,
        password: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Option<Self> {
        let Some(programs) = programs::folder() else {
            crate::skip("this machine has none, or HELVETISAFE_TEST_POSTGRES is none");
            return None;
        };
        let port = free_port();
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(programs)
            .arg(port.to_string())
            .args([primary, password])
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some((user, group)) = programs::other_user() {
            command.uid(user).gid(group).env_remove("TMPDIR");
        }
        let mut script = command.spawn().unwrap();
        let mut folder = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut folder).unwrap();
        if folder == "no TLS\n" {
            let text = "the tests of TLS are skipped: this PostgreSQL was built without it\n";
            let _ = std::io::stderr().write_all(text.as_bytes());
            script.wait().unwrap();
            return None;
        }
        assert!(!folder.is_empty(), "PostgreSQL does not start");
        Some(Self {
            folder: folder.trim_end().to_owned(),
            port,
            stdin: script.stdin.take(),
            script,
        })
    }

    /// Returns the URL of its database `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(&[self.port])
    }

    /// Returns a URL with these ports on 127.0.0.1 in place of its own, such as those of a primary and of this standby, or of
    /// a proxy.
    #[must_use]
    pub fn url_at(&self, ports: &[u16]) -> String {
        let hosts: Vec<_> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        format!(
            "postgres://helvetisafe@{}/postgres?password_file={}/password",
            hosts.join(","),
            self.folder
        )
    }

    /// Returns its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns its folder: `data`, `postgres.log` and `password`.
    #[must_use]
    pub fn folder(&self) -> &str {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The script removes the folder.
        let _ = self.script.wait();
    }
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
