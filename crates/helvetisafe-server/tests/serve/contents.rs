//! A vault's contents, as its client and its tables have them.

use std::path::Path;

use helvetisafe::{Client, Credentials, KeySource};
use helvetisafe_server::Account;
use rusqlite::Connection;
use rusqlite::types::Value;

/// The tables that a copy has to have.
pub(crate) const TABLES: [&str; 12] = [
    "organizations",
    "accounts",
    "account_keys",
    "private_keys",
    "tokens",
    "secrets",
    "bootstraps",
    "invitations",
    "rotations",
    "chain_entries",
    "audit",
    "audit_seals",
];

/// Returns all rows of a database file.
pub(crate) fn rows(path: &Path) -> Vec<(&'static str, Vec<Vec<Value>>)> {
    let connection = Connection::open(path).unwrap();
    let rows = |table| {
        let query = format!("SELECT * FROM {table} ORDER BY 1, 2, 3");
        let mut statement = connection.prepare(&query).unwrap();
        let width = statement.column_count();
        let read = |row: &rusqlite::Row| (0..width).map(|index| row.get(index)).collect();
        let rows = statement.query_map([], read).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    TABLES.map(|table| (table, rows(table))).into()
}

/// Connects with the client secret.
pub(crate) fn client(base_url: &str, account: &Account) -> Client {
    let secret = account.client_secret.clone();
    let credentials = Credentials::service_account(account.client_id.clone(), secret);
    connect(base_url, account, credentials)
}

/// Connects with an API token.
pub(crate) fn token_client(base_url: &str, account: &Account, token: &str) -> Client {
    connect(base_url, account, Credentials::api_token(token.to_owned()))
}

fn connect(base_url: &str, account: &Account, credentials: Credentials) -> Client {
    let key = KeySource::pem(account.private_key_pem.as_bytes());
    Client::builder(base_url, credentials, key)
        .connect()
        .unwrap()
}

/// Returns the names and values of all secrets.
pub(crate) fn values(client: &Client) -> Vec<(String, String)> {
    let secrets = client.secrets().get_all().unwrap();
    let values = secrets.into_iter().map(|secret| {
        let secret = secret.unwrap();
        (secret.key().to_string(), secret.expose_secret().to_owned())
    });
    let mut values: Vec<_> = values.collect();
    values.sort();
    values
}

/// Adds a row to each table that no command fills yet.
pub(crate) fn fill_all_tables(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "INSERT INTO bootstraps VALUES (x'00ff', 5, NULL, x'01');
             INSERT INTO invitations SELECT 7, id, 1, x'01', 'sealed', 'ü''\"', 'member', 's', -1, 'pending', 1, 2, NULL,
                 NULL, NULL, 'nonce', x'05', 6, x'07' FROM organizations;
             INSERT INTO rotations SELECT -9223372036854775808, id, 2, 3, 'open', 4, 5, NULL, 6 FROM organizations;
             INSERT INTO chain_entries SELECT id, 1, x'', x'02', x'03' FROM organizations;
             INSERT INTO audit SELECT 9223372036854775807, id, 1, NULL, 'act', '', NULL, 1 FROM organizations;
             INSERT INTO audit_seals SELECT id, 1, 1, x'08', 9 FROM organizations",
        )
        .unwrap();
}
