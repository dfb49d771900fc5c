//! The output of the asynchronous client, which has another transport.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use helvetisafe::{AsyncClient, Credentials, Error, Event, Expiry, KeySource};
use tokio::runtime::{Builder, Runtime};

use crate::canaries::{ACCESS_TOKEN, API_TOKEN, CLIENT_SECRET, PASSWORD, PEM, VALUE, assert_none};
use crate::errors::{BEGINNINGS, words};
use crate::fake::Fake;
use crate::{heard, hostile};

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn no_output_of_the_asynchronous_client_shows_a_secret() {
    heard::listen();
    let runtime = runtime();
    let account = Credentials::service_account("id", CLIENT_SECRET);
    for (credentials, token) in [
        (account, ACCESS_TOKEN),
        (Credentials::api_token(API_TOKEN), API_TOKEN),
    ] {
        let mut errors = 0;
        for answer in hostile::answers(token) {
            for beginning in BEGINNINGS {
                let lie = answer.clone();
                let fake =
                    Fake::start(move |_, path| path.starts_with(beginning).then(|| lie.clone()));
                let source = match beginning {
                    "/api/v1/credentials/private-key" => KeySource::password(PASSWORD),
                    _ => KeySource::pem(PEM),
                };
                let (failed, told) = runtime.block_on(everything(&fake, &credentials, source));
                assert_none("an event", &told);
                for error in failed {
                    assert_none("an error", &words(&error));
                    errors += 1;
                }
            }
        }
        assert!(errors > 100, "{errors} errors");
    }
    let lines = heard::lines();
    let own = lines
        .iter()
        .filter(|(who, _)| who.starts_with("helvetisafe"));
    assert!(own.count() > 100, "the client's own words are among them");
    let said = lines.iter().filter(|(who, _)| who != "ureq::run");
    for (who, line) in said {
        assert_none(who, line);
    }
}

/// Connects and makes calls. Returns the errors and the text of all events.
async fn everything(
    fake: &Fake,
    credentials: &Credentials,
    source: KeySource,
) -> (Vec<Error>, String) {
    let told = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&told);
    let observe = move |event: &Event<'_>| {
        let _ = write!(log.lock().unwrap(), "{event:?}\n{event:#?}\n");
    };
    let builder = fake.asynchronous(credentials.clone(), source);
    let outcomes = match builder.on_event(observe).connect().await {
        Ok(client) => calls(&client).await,
        Err(error) => vec![Err(error)],
    };
    let errors = outcomes.into_iter().filter_map(Result::err).collect();
    let told = told.lock().unwrap().clone();
    (errors, told)
}

async fn calls(client: &AsyncClient) -> Vec<Result<(), Error>> {
    let secrets = client.secrets();
    vec![
        secrets.get("db").await.map(drop),
        secrets.list().await.map(drop),
        secrets.create("db", VALUE, None).await.map(drop),
        secrets.update("db", VALUE, Expiry::Keep).await.map(drop),
        secrets.delete("db").await,
    ]
}
