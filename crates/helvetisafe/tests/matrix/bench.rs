//! A vault, a scripted server in front of it, and clients that make the call of a case.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use helvetisafe::{Credentials, Error, ErrorKind, KeySource, Secret, Timeouts};
use helvetisafe_crypto::{OrgKey, PrivateKey};
use helvetisafe_server::faults::{Faults, Route};
use helvetisafe_server::{Account, NewAccount, NewApiToken, Vault};
use helvetisafe_test_support::server::serve;
use helvetisafe_test_support::{AnyClient, ClientKind, DrivenClock, PEM};

use crate::detour::Detour;
use crate::event::Event;
use crate::model::{Case, Course, Outcome, simulated};
use crate::parts::Parts;
use crate::stage::{Stage, answer};
use crate::verb::{By, Verb};

/// The silence timeout, in real time: long enough for a busy machine, but many cases wait for it.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);

pub(crate) struct Bench {
    kind: ClientKind,
    _vault: Vault,
    faults: Faults,
    /// The writes of the vault before the case.
    before: usize,
    account: Account,
    api_token: secrecy::SecretString,
    server: SocketAddr,
    stage: Arc<Mutex<Stage>>,
    detour: Arc<Mutex<Detour>>,
    clock: DrivenClock,
    clients: HashMap<(By, bool, bool), Arc<dyn AnyClient>>,
}

impl Bench {
    pub(crate) fn new(kind: ClientKind) -> Self {
        Self::with(kind, NewAccount::default())
    }

    pub(crate) fn with(kind: ClientKind, account: NewAccount) -> Self {
        let faults = Faults::new();
        let vault = Vault::builder().faults(faults.clone()).start().unwrap();
        let organization = vault.new_organization().unwrap();
        let account = account.private_key(PrivateKey::from_pem(PEM).unwrap());
        let account = vault.new_account(&organization, account).unwrap();
        let api_token = vault
            .new_api_token(&account, NewApiToken::default())
            .unwrap();
        let stage = Arc::new(Mutex::new(Stage::default()));
        let (shared, address) = (Arc::clone(&stage), vault.address());
        let server = serve(move |request| answer(&shared, address, request));
        Self {
            kind,
            _vault: vault,
            faults,
            before: 0,
            account,
            api_token,
            server,
            stage,
            detour: Arc::default(),
            clock: DrivenClock::default(),
            clients: HashMap::new(),
        }
    }

    /// Runs a case and returns the observed course.
    pub(crate) fn play(&mut self, number: usize, case: &Case) -> Course {
        self.play_after(number, case, |_, _| {})
    }

    /// Like [`Self::play`], but calls `before` with the secret's name first.
    pub(crate) fn play_after(
        &mut self,
        number: usize,
        case: &Case,
        before: fn(&dyn AnyClient, &str),
    ) -> Course {
        let name = format!("s{number}");
        *self.stage.lock().unwrap() = Stage::default();
        *self.detour.lock().unwrap() = Detour::default();
        let client = (case.verb != Verb::PrivateKey).then(|| self.client(case));
        if let Some(client) = &client {
            prepare(&**client, case.verb, &name);
            before(&**client, &name);
        }
        self.set(case, &name);
        self.before = self.faults.writes().len();
        if case.verb == Verb::Token {
            self.clock.advance(Duration::from_secs(3600));
        }
        self.clock.restart(number);
        let outcome = match &client {
            Some(client) => call(&**client, case.verb, &name),
            None => self.connect(case),
        };
        let asked = outcome.as_ref().err().and_then(Error::retry_after);
        let course = self.course(case, &name, outcome);
        // Other cases use the client too, and should not have to back off.
        self.clock.advance(asked.unwrap_or(LONG_BACK_OFF));
        course
    }

    /// The client for a case: one per authentication, with and without a rotated org key, with and
    /// without a transport that simulates failures.
    fn client(&mut self, case: &Case) -> Arc<dyn AnyClient> {
        let (is_org_key, is_simulated) =
            (case.verb == Verb::OrgKey, simulated(&case.event).is_some());
        let which = (case.by, is_org_key, is_simulated);
        if let Some(client) = self.clients.get(&which) {
            return Arc::clone(client);
        }
        let client = self.parts(case, KeySource::pem(PEM)).connect(self.kind);
        let client = client.unwrap();
        self.clients.insert(which, Arc::clone(&client));
        client
    }

    fn parts(&self, case: &Case, key_source: KeySource) -> Parts {
        let credentials = match case.by {
            By::ServiceAccount => Credentials::service_account(
                self.account.client_id.clone(),
                self.account.client_secret.clone(),
            ),
            By::ApiToken => Credentials::api_token(self.api_token.clone()),
        };
        Parts {
            base_url: format!("http://{}", self.server),
            credentials,
            key_source,
            timeouts: Timeouts {
                silence: SILENCE,
                ..Timeouts::default()
            },
            clock: self.clock.clone(),
            detour: simulated(&case.event).map(|_| Arc::clone(&self.detour)),
        }
    }

    fn connect(&self, case: &Case) -> Result<(), Error> {
        let parts = self.parts(case, KeySource::password("password"));
        match parts.connect(self.kind) {
            // The server's answer is not a key, so this error shows that it arrived.
            Err(error) if error.kind() == ErrorKind::Crypto => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    fn set(&self, case: &Case, name: &str) {
        let line = case.verb.line(name);
        let events: Vec<_> = (1..=case.attempt.unwrap_or(0))
            .map(|n| case.event_at(n))
            .collect();
        let always = case.attempt.is_none().then(|| case.event.clone());
        let simulated_at = |event: &Option<Event>| event.as_ref().and_then(simulated);
        *self.detour.lock().unwrap() = Detour {
            line: line.clone(),
            failures: events.iter().map(simulated_at).collect(),
            always: simulated_at(&always),
            requests: 0,
        };
        let is_real = |event: &Option<Event>| simulated_at(event).is_none();
        *self.stage.lock().unwrap() = Stage {
            line,
            events: events.into_iter().filter(is_real).collect(),
            always: always.filter(|event| simulated(event).is_none()),
            rotated: (case.verb == Verb::OrgKey).then(|| OrgKey::generate().unwrap()),
            ..Stage::default()
        };
    }

    fn course(&self, case: &Case, name: &str, outcome: Result<(), Error>) -> Course {
        let (stage, detour) = (self.stage.lock().unwrap(), self.detour.lock().unwrap());
        let count = |method: &str, path: &str| {
            let is_it =
                |seen: &&(String, String)| (seen.0.as_str(), seen.1.as_str()) == (method, path);
            stage.seen.iter().filter(is_it).count()
        };
        let read_back = Verb::Get.line(name);
        let is_simulated = simulated(&case.event).is_some();
        let is_first = case.verb == Verb::PrivateKey && case.by == By::ServiceAccount;
        let tokens = if case.verb == Verb::Token {
            0
        } else {
            count("POST", "/oauth/token")
        };
        Course {
            requests: if is_simulated {
                detour.requests
            } else {
                stage.requests
            },
            read_backs: if case.verb == Verb::Create {
                count(read_back.0, &read_back.1)
            } else {
                0
            },
            // Connecting takes one.
            tokens: tokens - usize::from(is_first),
            waits: self.clock.sleeps(),
            outcome: match outcome {
                Ok(()) => Outcome::Success,
                Err(error) => Outcome::Failure {
                    kind: error.kind(),
                    is_retryable: error.is_retryable(),
                    retry_after: error.retry_after(),
                },
            },
            acts: self.acts(case.verb, name),
        }
    }

    /// The times the vault created or deleted the secret during the case, from its own log.
    fn acts(&self, verb: Verb, name: &str) -> usize {
        let counted = match verb {
            Verb::Create => Route::Create,
            Verb::Delete => Route::Delete,
            _ => return 0,
        };
        let writes = self.faults.writes();
        let writes = writes[self.before..].iter();
        writes
            .filter(|seen| seen.route == Some(counted) && seen.key.as_deref() == Some(name))
            .count()
    }
}

/// Longer than the back-off after a 429 without a `Retry-After`.
const LONG_BACK_OFF: Duration = Duration::from_secs(5);

/// Creates the secret that the call needs, and opens a connection for reuse.
fn prepare(client: &dyn AnyClient, verb: Verb, name: &str) {
    match verb {
        Verb::List | Verb::OrgKey | Verb::Token | Verb::Create => drop(client.list().unwrap()),
        _ => drop(client.create(name, "value").unwrap()),
    }
}

fn call(client: &dyn AnyClient, verb: Verb, name: &str) -> Result<(), Error> {
    let is = |value: &str, secret: Secret| assert_eq!(secret.expose_secret(), value);
    match verb {
        Verb::Get => client.get(name).map(|secret| is("value", secret)),
        Verb::OrgKey => client.get(name).map(|secret| is("rotated", secret)),
        Verb::List | Verb::Token => client.list().map(drop),
        Verb::Update => client.update(name, "new").map(drop),
        Verb::Put => client.put(name, "new").map(drop),
        Verb::Delete => client.delete(name),
        Verb::Create => client.create(name, "value").map(drop),
        Verb::PrivateKey => unreachable!("only connecting asks for it"),
    }
}
