//! `helvetisafe-server dev` as a process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Answer, send};

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_helvetisafe-server"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) struct Dev {
    pub(crate) child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    pub(crate) base_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) private_key_path: PathBuf,
    pub(crate) org_key_fingerprint: String,
}

impl Dev {
    pub(crate) fn start(state: Option<&Path>) -> Self {
        Self::start_with(state, &[])
    }

    pub(crate) fn start_with(state: Option<&Path>, options: &[&str]) -> Self {
        let mut arguments = vec!["dev", "--listen", "127.0.0.1:0"];
        arguments.extend(options);
        arguments.extend(
            state
                .iter()
                .flat_map(|state| ["--state", state.to_str().unwrap()]),
        );
        let mut child = command(&arguments).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = |name: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let value = line.strip_prefix(&format!("export {name}='"));
            value
                .unwrap_or_else(|| panic!("{line:?}"))
                .strip_suffix("'\n")
                .unwrap()
                .to_owned()
        };
        Self {
            base_url: line("HELVETISAFE_BASE_URL"),
            client_id: line("HELVETISAFE_CLIENT_ID"),
            client_secret: line("HELVETISAFE_CLIENT_SECRET"),
            private_key_path: line("HELVETISAFE_PRIVATE_KEY_PATH").into(),
            org_key_fingerprint: line("HELVETISAFE_ORG_KEY_FINGERPRINT"),
            stdout,
            child,
        }
    }

    /// Waits until the process ends. Expects status 0 and no further standard output.
    pub(crate) fn stop(mut self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    pub(crate) fn call(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let headers = [
            ("x-aegis-token", token),
            ("content-type", "application/json"),
        ];
        let body = body.map(|body| body.to_string().into_bytes());
        send(&self.base_url, method, path, &headers, body)
    }

    pub(crate) fn fetch_token(&self) -> Answer {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            self.client_id, self.client_secret
        );
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        send(
            &self.base_url,
            "POST",
            "/oauth/token",
            &headers,
            Some(form.into_bytes()),
        )
    }

    /// Reads the path from the credentials, since the shell's quoting surrounds it in the output.
    pub(crate) fn start_in(state: &Path) -> Self {
        let mut dev = Self::start(Some(state));
        dev.private_key_path = credentials(state)["private_key_path"]
            .as_str()
            .unwrap()
            .into();
        assert!(dev.private_key_path.is_file());
        dev
    }
}

pub(crate) fn credentials(state: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(state.join("credentials.json")).unwrap()).unwrap()
}
