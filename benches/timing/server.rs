//! The vault's check of tokens and client secrets, over one connection on a loopback address.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use helvetisafe_tests::World;
use secrecy::ExposeSecret;

use crate::compare::{Comparison, Expected, time};

pub(crate) fn comparisons() -> Vec<Comparison> {
    use Expected::{Alike, Different};
    let token: Forge = |credential| get(&credential.api_token);
    let unknown: Forge = |_| get("hs_api_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let first: Forge = |credential| get(&changed(&credential.api_token, "hs_api_".len()));
    let last: Forge = |credential| {
        get(&changed(
            &credential.api_token,
            credential.api_token.len() - 1,
        ))
    };
    let right: Forge = |credential| post(&credential.client_id, &credential.client_secret);
    let wrong: Forge = |credential| {
        post(
            &credential.client_id,
            &changed(&credential.client_secret, "hs_secret_".len()),
        )
    };
    let wrong_end: Forge = |credential| {
        post(
            &credential.client_id,
            &changed(
                &credential.client_secret,
                credential.client_secret.len() - 1,
            ),
        )
    };
    let nobody: Forge = |credential| {
        post(
            &changed(&credential.client_id, credential.client_id.len() - 1),
            &credential.client_secret,
        )
    };
    vec![
        compare(
            "token: wrong first character / wrong last character",
            Alike,
            first,
            last,
        ),
        compare(
            "token: unknown / wrong last character",
            Alike,
            unknown,
            last,
        ),
        compare("token: valid / unknown", Different, token, unknown),
        compare(
            "client secret: wrong first character / wrong last",
            Alike,
            wrong,
            wrong_end,
        ),
        compare(
            "client secret: wrong / unknown client",
            Alike,
            wrong,
            nobody,
        ),
        compare("client secret: right / wrong", Different, right, wrong),
    ]
}

struct Credential {
    api_token: String,
    client_id: String,
    client_secret: String,
}

/// Makes a request of one class.
type Forge = fn(&Credential) -> Vec<u8>;

fn compare(name: &'static str, expected: Expected, first: Forge, second: Forge) -> Comparison {
    let world = World::new();
    let account = &world.member.account;
    let credential = Credential {
        api_token: world.member.api_token.expose_secret().to_owned(),
        client_id: account.client_id.clone(),
        client_secret: account.client_secret.expose_secret().to_owned(),
    };
    let requests = [first(&credential), second(&credential)];
    // Connect late: the vault closes a connection that is idle for long.
    let mut connection = None;
    Comparison::new(name, expected, move |is_second| {
        let connection = connection.get_or_insert_with(|| connect(&world));
        let request = requests[usize::from(is_second)].clone();
        time(|| {
            connection.get_mut().write_all(&request).unwrap();
            skip_answer(connection);
        })
    })
}

fn connect(world: &World) -> BufReader<TcpStream> {
    let connection = TcpStream::connect(world.vault.address()).unwrap();
    connection.set_nodelay(true).unwrap();
    BufReader::new(connection)
}

fn skip_answer(connection: &mut impl BufRead) {
    let mut length = 0;
    let mut line = String::new();
    while connection.read_line(&mut line).unwrap() > 2 {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    connection.read_exact(&mut vec![0; length]).unwrap();
}

fn get(token: &str) -> Vec<u8> {
    format!("GET /api/v1/credentials/org-key HTTP/1.1\r\nHost: vault\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

fn post(client_id: &str, client_secret: &str) -> Vec<u8> {
    let form = format!(
        "grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}"
    );
    let length = form.len();
    format!(
        "POST /oauth/token HTTP/1.1\r\nHost: vault\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}

/// The text with one character exchanged for another letter.
fn changed(text: &str, at: usize) -> String {
    let other = if text.as_bytes()[at] == b'A' {
        "B"
    } else {
        "A"
    };
    let mut changed = text.to_owned();
    changed.replace_range(at..=at, other);
    changed
}
