//! A database in a file.

use std::net::TcpListener;
use std::path::Path;

use helvetisafe_server::{Error, Vault};

use crate::support::{Site, site_of};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A vault that can be restarted with the same database.
pub(crate) fn again(site: Site, database: &Path) -> Site {
    let Site {
        vault,
        organization,
        account,
        token,
    } = site;
    vault.stop().unwrap();
    let vault = Vault::builder().state(database).start().unwrap();
    Site {
        vault,
        organization,
        account,
        token,
    }
}

#[test]
fn a_restart_keeps_secrets_accounts_and_tokens() {
    let folder = folder();
    let database = folder.path().join("vault.db");
    let site = site_of(Vault::builder().state(&database));
    let access = site.access_token();
    site.create("a").success(201);
    let before = site.read("a").success(200);

    let site = again(site, &database);
    assert_eq!(site.read("a").success(200), before);
    site.call_as(&access, "GET", "/api/v1/secrets/a", None)
        .success(200);
    site.fetch_token("").success(200);
    assert_eq!(
        site.vault.stored_secrets(&site.organization).unwrap().len(),
        1
    );
}

#[test]
fn a_clean_stop_leaves_the_database_its_lock_and_its_reserve_only() {
    let folder = folder();
    let site = site_of(Vault::builder().state(folder.path().join("vault.db")));
    site.create("a").success(201);
    site.vault.stop().unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["vault.db", "vault.db.lock", "vault.db.reserve"]);
}

#[test]
fn a_database_serves_one_process_at_a_time() {
    let folder = folder();
    let database = folder.path().join("vault.db");
    let first = Vault::builder().state(&database).start().unwrap();
    let second = Vault::builder().state(&database).start();
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    first.stop().unwrap();
    Vault::builder().state(&database).start().unwrap();
}

#[cfg(unix)]
#[test]
fn a_database_that_others_can_read_is_refused_and_a_new_one_is_not_readable() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = folder();
    let database = folder.path().join("vault.db");
    let _running = Vault::builder().state(&database).start().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{entry:?}");
    }
    let exposed = folder.path().join("exposed.db");
    std::fs::write(&exposed, "").unwrap();
    std::fs::set_permissions(&exposed, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = Vault::builder().state(&exposed).start().unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn an_unusable_database_gives_a_clear_error() {
    let folder = folder();
    let missing = folder.path().join("missing/vault.db");
    let error = Vault::builder().state(&missing).start().unwrap_err();
    assert!(matches!(error, Error::Problem(_)), "{error:?}");

    let garbage = folder.path().join("garbage.db");
    std::fs::write(
        &garbage,
        "not a database, and longer than its header would be".repeat(9),
    )
    .unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(
        &garbage,
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let error = Vault::builder().state(&garbage).start().unwrap_err();
    assert!(matches!(error, Error::Database { .. }), "{error:?}");
    assert!(error.to_string().contains("garbage.db"), "{error}");
}

#[test]
fn a_port_in_use_and_an_address_that_others_can_reach_are_refused() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = folder();
    let error = Vault::builder()
        .listen(taken.local_addr().unwrap())
        .state(folder.path().join("vault.db"))
        .start()
        .unwrap_err();
    assert!(matches!(error, Error::AddressInUse { .. }), "{error:?}");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "no file was made"
    );

    let error = Vault::builder()
        .listen("0.0.0.0:0".parse().unwrap())
        .start()
        .unwrap_err();
    assert!(matches!(error, Error::NotLoopback { .. }), "{error:?}");
}
