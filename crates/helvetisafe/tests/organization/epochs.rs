//! The numbers of org keys: a vault that has given one cannot leave it out later.

use helvetisafe::organization::Anchor;
use helvetisafe::{AsyncClient, Client, Error, ErrorKind, KeySource, OrgKeyRotation};

use crate::people::{Acme, AnyClient, BOTH, Kind, RUNTIME, URL, noon};

const CHECK: &str = "gives this one without a number";

fn connect(acme: &Acme, requires_epoch: bool) -> Result<AnyClient, Error> {
    let source = KeySource::pem(acme.ada.private_key.to_pkcs8_pem().unwrap().as_bytes());
    let credentials = acme.ada.credentials();
    match acme.kind {
        Kind::Blocking => Client::builder(URL, credentials, source)
            .transport(acme.vault.clone())
            .clock(noon())
            .require_key_epoch(requires_epoch)
            .connect()
            .map(AnyClient::Blocking),
        Kind::Async => RUNTIME
            .block_on(
                AsyncClient::builder(URL, credentials, source)
                    .transport(acme.vault.clone())
                    .clock(noon())
                    .require_key_epoch(requires_epoch)
                    .connect(),
            )
            .map(AnyClient::Async),
    }
}

/// It refuses a write, so that the client asks for the org key again, and then accepts one that names no key.
#[test]
fn a_vault_that_leaves_the_number_out_later_gets_no_write() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let client = acme.client();
        client.create("first", "value").unwrap();
        {
            let mut state = acme.vault.state();
            state.hides_epoch = true;
            state.epoch = 2;
        }
        let error = client.create("second", "value").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(error.to_string().contains(CHECK), "{error}");
        assert_eq!(acme.vault.state().secrets.len(), 1);
        // Reads need no number.
        assert_eq!(client.get("first").unwrap(), "value");
    }
}

#[test]
fn a_client_that_requires_a_number_does_not_connect_without_one() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let client = connect(&acme, true).unwrap();
        assert_eq!(client.key_epoch(), Some(1));
        acme.vault.state().hides_epoch = true;
        let error = connect(&acme, true).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(error.to_string().contains(CHECK), "{error}");
    }
}

/// As the published service, which numbers no org keys.
#[test]
fn a_first_contact_without_numbers_reads_and_writes() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.vault.state().hides_epoch = true;
        let client = connect(&acme, false).unwrap();
        assert_eq!(client.key_epoch(), None);
        client.create("key", "value").unwrap();
        assert_eq!(client.get("key").unwrap(), "value");
    }
}

/// The chain states the number, so the vault's does not matter.
#[test]
fn a_client_that_follows_the_chain_has_its_number() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.vault.state().hides_epoch = true;
        let rotation = OrgKeyRotation::follow_chain(Anchor::Key(acme.founded.verification_key));
        let client = kind.connect(&acme.vault, noon(), &acme.ada, Some(rotation));
        let client = client.unwrap();
        assert_eq!(client.key_epoch(), Some(1));
        client.create("key", "value").unwrap();
    }
}
