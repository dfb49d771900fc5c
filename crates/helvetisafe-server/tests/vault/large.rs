//! An organization with 200 000 secrets.

use helvetisafe::{Client, Credentials, KeySource};
use helvetisafe_server::Vault;
use rusqlite::Connection;

use crate::support::{NONCE, Site, VALUE, site_of};

const NUMBER: usize = 200_000;

#[test]
fn a_client_lists_200_000_names_with_its_default_limits() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("vault.db");
    let site = site_of(Vault::builder().state(&database));
    site.create("template").success(201);
    let Site { vault, account, .. } = site;
    vault.stop().unwrap();
    let insert = "INSERT INTO secrets (organization, key_epoch, key, version, write_id, created_at, updated_at, nonce, value) \
                  WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?3) \
                  SELECT organization, key_epoch, printf('key_%06d', n), random(), random(), created_at, updated_at, ?1, ?2 \
                  FROM secrets, numbers";
    let connection = Connection::open(&database).unwrap();
    connection
        .execute(insert, (NONCE, VALUE, NUMBER as i64))
        .unwrap();
    drop(connection);

    let vault = Vault::builder().state(&database).start().unwrap();
    let key = KeySource::pem(include_str!("../data/private-key.pem"));
    let credentials =
        Credentials::service_account(account.client_id.clone(), account.client_secret.clone());
    let client = Client::builder(vault.base_url(), credentials, key);
    let listed = client.connect().unwrap().secrets().list().unwrap();
    assert_eq!(listed.len(), NUMBER);
    let first = listed[0].key().to_string();
    let last = listed[NUMBER - 1].key().to_string();
    assert_eq!([first.as_str(), last.as_str()], ["key_000002", "template"]);
}
