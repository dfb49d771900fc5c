//! A world whose vault changes during a test, and the files that the command stores on disk.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_test_support::{Action, Proxy, Request, answer};
use serde_json::Value;

use crate::world::{World, start_proxy};

pub(crate) const CANARY: &str = "canary-0ff11e";
pub(crate) const KEY_PATH: &str = "/api/v1/secrets/KEY";
pub(crate) const ORG_KEY_PATH: &str = "/api/v1/credentials/org-key";
const TOKEN_PATH: &str = "/oauth/token";

/// The behaviour of the vault.
#[derive(Clone, Copy)]
pub(crate) enum Mood {
    Honest,
    Down,
    /// It accepts requests and does not answer.
    Stalled,
    /// It refuses to show `KEY`.
    Forbidden,
    /// It has no `KEY`.
    Gone,
    /// A proxy in front of it has no such page.
    Page,
    /// It returns an earlier token, with a lifetime of 4 s.
    ShortToken,
    /// It refuses each credential.
    Revoked,
    /// It returns an org key of its own.
    ForeignOrgKey,
    /// It accepts the first token for all but `KEY`.
    EndedToken,
}

impl Mood {
    fn action(self, request: &Request, before: &[Request], foreign_org_key: &str) -> Action {
        let is_key = request.is("GET", KEY_PATH);
        let is_first = || authorization([request]) == authorization(before);
        match self {
            Self::Down => Action::Close,
            Self::Stalled => Action::Stall(Duration::from_secs(20)),
            Self::Forbidden if is_key => answer(403, r#"{"error":"no"}"#),
            Self::Gone if is_key => answer(404, r#"{"error":"no"}"#),
            Self::Page if is_key => answer(404, "<h1>Not Found</h1>"),
            Self::ShortToken if request.is("POST", TOKEN_PATH) => {
                let token = token(before);
                answer(
                    200,
                    format!(r#"{{"access_token":"{token}","expires_in":4}}"#),
                )
            }
            Self::Revoked => answer(401, r#"{"error":"no"}"#),
            Self::ForeignOrgKey if request.is("GET", ORG_KEY_PATH) => answer(200, foreign_org_key),
            Self::EndedToken if is_key && is_first() => answer(401, ""),
            _ => Action::Forward,
        }
    }
}

/// The first credential in these requests.
fn authorization<'a>(requests: impl IntoIterator<Item = &'a Request>) -> Option<&'a str> {
    let mut requests = requests.into_iter();
    requests.find_map(|request| request.header("authorization"))
}

/// The first access token in these requests.
pub(crate) fn token(requests: &[Request]) -> String {
    let used = authorization(requests).unwrap();
    used.strip_prefix("Bearer ").unwrap().to_owned()
}

/// A world with the secret `KEY`, whose value is [`CANARY`].
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) proxy: Proxy,
    mood: Arc<Mutex<Mood>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let world = World::new();
        world.set("KEY", CANARY);
        let mood = Arc::new(Mutex::new(Mood::Honest));
        let (shared, foreign) = (Arc::clone(&mood), world.foreign_org_key());
        let proxy = start_proxy(move |request, before| {
            let mood = *shared.lock().unwrap();
            mood.action(request, before, &foreign)
        });
        Self { world, proxy, mood }
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command_through(&self.proxy);
        command.args(arguments);
        command
    }

    /// The folder of the stored answers.
    pub(crate) fn folder(&self) -> PathBuf {
        let folder = self.world.folder.path();
        folder.join(".local/state/helvetisafe/cache")
    }

    /// The only file with stored answers.
    pub(crate) fn file(&self) -> PathBuf {
        let files = fs::read_dir(self.folder()).unwrap();
        let mut files = files.map(|entry| entry.unwrap().path());
        let is_json = |path: &PathBuf| path.extension().is_some_and(|it| it == "json");
        files.find(is_json).unwrap()
    }

    /// Changes the stored answers on disk.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut json = serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap();
        change(&mut json);
        fs::write(self.file(), json.to_string()).unwrap();
    }

    /// The number of requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.proxy.log().len()
    }

    /// The number of access tokens that `run` fetches.
    pub(crate) fn tokens<T>(&self, run: impl FnOnce() -> T) -> usize {
        let before = self.proxy.count("POST", TOKEN_PATH);
        run();
        self.proxy.count("POST", TOKEN_PATH) - before
    }
}

/// Asserts that the text does not contain `secret` as it is, in hex or in base64.
pub(crate) fn assert_hides(text: &str, secret: &str) {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    // In two of three alignments, the first letters of base64 depend on the bytes before.
    let base64 = (0..3).map(|at| {
        let shifted = [&b"xx"[..at.min(2)], secret.as_bytes()].concat();
        STANDARD.encode(shifted)[4..secret.len()].to_owned()
    });
    for form in [secret.to_owned(), hex].into_iter().chain(base64) {
        assert!(!text.contains(&form), "{form}");
    }
}
