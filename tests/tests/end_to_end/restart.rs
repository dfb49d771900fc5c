//! A vault with a file continues after a restart.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::sleep;
use std::time::Duration;

use helvetisafe::{Client, Credentials, KeySource, Timestamp};
use helvetisafe_server::{DevCredentials, DevVault, Vault};
use helvetisafe_tests::{COMBINATIONS, World};
use jiff::{SignedDuration, Unit};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[test]
fn every_combination_reads_its_secrets_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("vault.db");
    let World { vault, member, .. } = World::of(Vault::builder().state(&database));
    let client = member.client(vault.base_url());
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let end = end.round(Unit::Microsecond).unwrap();
    client.secrets().create("a", "stöt\0\n", end).unwrap();
    client.secrets().create("b", "2", None).unwrap();
    client.secrets().delete("b").unwrap();
    let (fingerprint, listed) = (
        client.org_key_fingerprint(),
        client.secrets().list().unwrap(),
    );
    vault.stop().unwrap();

    let vault = Vault::builder().state(&database).start().unwrap();
    for combination in COMBINATIONS {
        let client = member
            .builder(vault.base_url(), combination)
            .connect()
            .unwrap();
        assert_eq!(client.org_key_fingerprint(), fingerprint, "{combination}");
        assert_eq!(client.secrets().list().unwrap(), listed, "{combination}");
        let read = client.secrets().get("a").unwrap();
        assert_eq!(
            (read.expose_secret(), read.expires_at()),
            ("stöt\0\n", Some(end))
        );
    }
}

#[test]
fn a_client_outlives_the_restart_of_its_vault() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("vault.db");
    let World { vault, member, .. } = World::of(Vault::builder().state(&database));
    let (address, client) = (vault.address(), member.client(vault.base_url()));
    client.secrets().create("a", "1", None).unwrap();
    vault.stop().unwrap();

    // Its connection is dead, its token is not.
    let _vault = Vault::builder()
        .listen(address)
        .state(&database)
        .start()
        .unwrap();
    assert_eq!(client.secrets().get("a").unwrap().expose_secret(), "1");
    client.secrets().create("b", "2", None).unwrap();
    assert_eq!(client.secrets().list().unwrap().len(), 2);
}

#[test]
fn secrets_that_expired_during_a_stop_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("vault.db");
    let World { vault, member, .. } = World::of(Vault::builder().state(&database));
    let client = member.client(vault.base_url());
    let end = Timestamp::now() + SignedDuration::from_millis(1000);
    client.secrets().create("goes", "1", end).unwrap();
    client.secrets().create("stays", "2", None).unwrap();
    vault.stop().unwrap();
    sleep(Duration::from_millis(1050));

    let vault = Vault::builder().state(&database).start().unwrap();
    let client = member.client(vault.base_url());
    assert!(!client.secrets().exists("goes").unwrap());
    assert!(client.secrets().exists("stays").unwrap());
}

/// The behaviour of `helvetisafe-server dev --state FOLDER`.
#[test]
fn a_folder_keeps_the_account_and_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("state");
    let first = DevVault::start(ANY_PORT, Some(&folder)).unwrap();
    for (number, client) in dev_clients(first.credentials()).into_iter().enumerate() {
        client
            .secrets()
            .create(format!("key_{number}"), "1", None)
            .unwrap();
    }
    first.stop().unwrap();

    let second = DevVault::start(ANY_PORT, Some(&folder)).unwrap();
    for client in dev_clients(second.credentials()) {
        assert_eq!(client.secrets().list().unwrap().len(), 6);
        assert_eq!(client.secrets().get("key_5").unwrap().expose_secret(), "1");
    }
    second.stop().unwrap();
}

/// A client for each of the six combinations that the folder's files allow.
fn dev_clients(dev: &DevCredentials) -> Vec<Client> {
    let authentications = [
        Credentials::service_account(dev.client_id.clone(), dev.client_secret.clone()),
        Credentials::api_token(dev.api_token.clone()),
    ];
    let key_sources = [
        KeySource::pem_file(&dev.private_key_path),
        KeySource::pem(std::fs::read(&dev.private_key_path).unwrap()),
        KeySource::password(dev.password.clone()),
    ];
    let mut clients = Vec::new();
    for credentials in &authentications {
        for key_source in &key_sources {
            let builder = Client::builder(&dev.base_url, credentials.clone(), key_source.clone());
            clients.push(builder.connect().unwrap());
        }
    }
    clients
}
