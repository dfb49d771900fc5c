//! The work of a subject: it uses the client and then drops everything. At each [`Stop`] it prints a
//! line and waits for a byte of input.

use std::fs::File;
use std::io::{Read, stdin};
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::thread;

use helvetisafe::{AsyncClient, Client, ClientBuilder, Credentials, Error, KeySource, Secret};
use secrecy::SecretString;

use super::client::{OnTokio, Use};
use super::{Job, Stop};

/// The whole of a subject's `main`.
pub fn work() {
    // Not through the buffer of `stdin`, which is never wiped.
    let pipe = File::from(stdin().as_fd().try_clone_to_owned().unwrap());
    let job = Job::read(&pipe).unwrap();
    let client = tell("connect", connect(&job, None));
    stop(Stop::Connected, &pipe);
    let held = client.map(|client| {
        let read = use_client(&*client, &job);
        let later = client.ticket().and_then(|ticket| resume(&job, ticket));
        (client, read, later)
    });
    stop(Stop::Alive, &pipe);
    drop(held);
    drop(job);
    stop(Stop::Dropped, &pipe);
}

fn stop(at: Stop, mut pipe: &File) {
    say(&format!("{at:?}"));
    pipe.read_exact(&mut [0]).unwrap();
}

fn say(line: &str) {
    println!("{line}");
}

fn tell<T>(what: &str, outcome: Result<T, Error>) -> Option<T> {
    match outcome {
        Ok(value) => {
            say(&format!("{what}: ok"));
            Some(value)
        }
        Err(error) => {
            say(&format!("{what}: {:?}", error.kind()));
            None
        }
    }
}

/// A later client, which starts with the access token of another one.
fn resume(job: &Job, ticket: String) -> Option<Box<dyn Use>> {
    tell("resume", connect(job, Some(ticket)))
}

fn connect(job: &Job, ticket: Option<String>) -> Result<Box<dyn Use>, Error> {
    let credential = SecretString::from(text(&job.credential));
    let credentials = match text(&job.client_id) {
        "" => Credentials::api_token(credential),
        client_id => Credentials::service_account(client_id, credential),
    };
    let key_source = match text(&job.key_source) {
        "password" => KeySource::password(text(&job.key)),
        "pem" => KeySource::pem(&*job.key),
        _ => KeySource::pem_file(text(&job.key)),
    };
    let key_source = match text(&job.passphrase) {
        "" => key_source,
        passphrase => key_source.with_passphrase(passphrase),
    };
    let url = text(&job.base_url);
    Ok(match text(&job.client) {
        "async" => {
            let builder = AsyncClient::builder(url, credentials, key_source);
            Box::new(OnTokio::connect(complete(builder, job, ticket))?)
        }
        _ => {
            let builder = Client::builder(url, credentials, key_source);
            Box::new(complete(builder, job, ticket).connect()?)
        }
    })
}

fn complete<P>(builder: ClientBuilder<P>, job: &Job, ticket: Option<String>) -> ClientBuilder<P> {
    let builder = match &**job.authority {
        [] => builder,
        pem => builder.ca_certificate(pem),
    };
    match ticket {
        Some(ticket) => builder.resume(ticket),
        None => builder,
    }
}

/// Runs every operation once on each of the job's threads. Returns the secrets that were read.
fn use_client(client: &dyn Use, job: &Job) -> Vec<Secret> {
    let threads: usize = text(&job.threads).parse().unwrap_or_default();
    if threads == 0 {
        return use_once(client, job, text(&job.new_name));
    }
    let read = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..threads {
            let read = &read;
            scope.spawn(move || {
                let name = format!("{}_{number}", text(&job.new_name));
                let secrets = use_once(client, job, &name);
                read.lock().unwrap().extend(secrets);
            });
        }
    });
    read.into_inner().unwrap()
}

fn use_once(client: &dyn Use, job: &Job, new_name: &str) -> Vec<Secret> {
    let value = text(&job.new_value);
    tell("create", client.create(new_name, value));
    tell("update", client.update(new_name, value));
    let read = text(&job.names).split(' ').filter(|name| !name.is_empty());
    let read = read
        .chain([new_name])
        .filter_map(|name| tell(&format!("get {name}"), client.get(name)))
        .collect();
    tell("list", client.list());
    read
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
