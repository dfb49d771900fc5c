//! TLS to the server: its certificate and name are checked, and the vault can have a certificate of its own.

use std::path::PathBuf;

use helvetisafe_test_postgres::Server as Process;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::super::{Postgres, get};
use super::*;
use crate::private_files;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Returns a certificate and its key as PEM.
    fn pair(&self, name: &str) -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }
}

/// A server whose certificate is of `localhost`, and files for its clients.
struct Scene {
    server: Process,
    authority: Authority,
    folder: TempDir,
}

impl Scene {
    fn new() -> Option<Self> {
        let authority = Authority::new("authority");
        let [certificate, key] = authority.pair("localhost");
        let server = Process::start_with_tls(&certificate, &key, &authority.0.pem())?;
        let folder = tempfile::tempdir().unwrap();
        Some(Self {
            server,
            authority,
            folder,
        })
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        private_files::write(&path, text.as_bytes()).unwrap();
        path
    }

    /// Returns the URL of the server by this name, with verification.
    fn url(&self, host: &str, authority: &Authority) -> String {
        let root = self.file("ca.crt", &authority.0.pem());
        let url = self.server.url().replace("127.0.0.1", host);
        format!("{url}&sslmode=verify-full&sslrootcert={}", root.display())
    }

    /// Returns the protocol and the name in the client's certificate, as the server sees them.
    async fn connection(&self, url: &str) -> Result<[Option<String>; 2], StoreError> {
        let address = url.strip_prefix("postgres://").unwrap();
        let postgres = Postgres::new(&super::super::Address::parse(address).unwrap());
        let select = || {
            sqlx::query("SELECT version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        };
        let rows = postgres.repeatable(select).await?;
        Ok([get(&rows[0], 0)?, get(&rows[0], 1)?])
    }
}

#[tokio::test]
async fn the_server_is_verified() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let url = scene.url("localhost", &scene.authority);
    let [version, client] = scene.connection(&url).await.unwrap();
    assert_eq!(version.as_deref(), Some("TLSv1.3"));
    assert_eq!(client, None);
    let grant = grant();
    let store = open(&url.parse().unwrap(), grant).await;
    store
        .create_secret(write(grant, "a"))
        .await
        .unwrap()
        .unwrap();

    for (host, authority, reason) in [
        ("127.0.0.1", &scene.authority, "not valid for name"),
        (
            "localhost",
            &Authority::new("another authority"),
            "UnknownIssuer",
        ),
    ] {
        let error = scene
            .connection(&scene.url(host, authority))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, StoreError::Unavailable(problem) if problem.contains(reason)),
            "{error}"
        );
    }
}

/// Returns the problem of a host that cannot be used, and the remedy.
async fn problem(url: &str) -> (String, &'static str) {
    let address = super::super::Address::parse(url.strip_prefix("postgres://").unwrap());
    let role = address.unwrap().inspect().await.remove(0).role;
    let super::super::Role::Unusable(unusable) = role else {
        panic!("it can be used: {url}");
    };
    (unusable.problem, unusable.remedy)
}

#[tokio::test]
async fn the_remedy_fits_the_problem_with_the_certificate() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let authority = &scene.authority;
    let other = scene.file("other.crt", &Authority::new("another authority").0.pem());
    let local = scene.server.url().replace("127.0.0.1", "localhost");
    let verified = format!("{local}&sslmode=verify-full");
    let root = scene.file("root.crt", &authority.0.pem());
    for (url, problem_part, remedy_part) in [
        (verified.clone(), "UnknownIssuer", "add sslrootcert=FILE"),
        (
            format!("{verified}&sslrootcert={}", other.display()),
            "UnknownIssuer",
            "correct that file",
        ),
        (
            scene.url("127.0.0.1", authority),
            "not valid for name",
            "write the host as in the server's certificate",
        ),
        (
            format!("{local}&sslrootcert=/absent/ca.crt"),
            "sslrootcert /absent/ca.crt: cannot be read",
            "check the files",
        ),
    ] {
        let (problem, remedy) = problem(&url).await;
        assert!(problem.contains(problem_part), "{url}: {problem}");
        assert!(remedy.contains(remedy_part), "{url}: {remedy}");
    }
    // It implies TLS.
    let url = format!("{local}&sslrootcert={}", root.display());
    let [version, _] = scene.connection(&url).await.unwrap();
    assert!(version.is_some());
}

#[tokio::test]
async fn a_plain_connection_to_a_server_that_demands_tls_is_explained() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let rules = format!("{}/data/pg_hba.conf", scene.server.folder());
    std::fs::write(rules, "hostssl all all 127.0.0.1/32 password\n").unwrap();
    scene.server.execute("SELECT pg_reload_conf()");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (found, remedy) = problem(&scene.server.url()).await;
    assert!(found.contains("no encryption"), "{found}");
    assert!(remedy.contains("sslrootcert=FILE"), "{remedy}");
    let root = scene.file("ca.crt", &scene.authority.0.pem());
    let local = scene.server.url().replace("127.0.0.1", "localhost");
    let url = format!("{local}&sslrootcert={}", root.display());
    let [version, _] = scene.connection(&url).await.unwrap();
    assert!(version.is_some());
}

/// It expects TLS at once.
#[tokio::test]
async fn another_program_than_postgresql_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let alert = [0x15, 3, 1, 0, 2, 2, 70, 0];
            let _ = client.read(&mut [0; 512]);
            let _ = client.write_all(&alert);
        }
    });
    for query in ["", "?sslmode=verify-full"] {
        let url = format!("postgres://vault@127.0.0.1:{port}/a{query}");
        let (problem, remedy) = problem(&url).await;
        assert!(!problem.contains("sqlx"), "{problem}");
        assert!(remedy.contains("is not PostgreSQL"), "{problem}: {remedy}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused() {
    let Some(server) = Process::start(&[]) else {
        return;
    };
    let url = format!("{}&sslmode=verify-full", server.url());
    let store = Store::open(&url.parse().unwrap()).await.unwrap();
    let error = store.has_accounts().await.unwrap_err();
    assert!(
        error.to_string().contains("does not support TLS"),
        "{error}"
    );
}

#[tokio::test]
async fn the_vault_has_a_certificate_of_its_own() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let url = scene.url("localhost", &scene.authority);
    let with = |[certificate, key]: [String; 2]| {
        let certificate = scene.file("client.crt", &certificate);
        let key = scene.file("client.key", &key);
        format!(
            "{url}&sslcert={}&sslkey={}",
            certificate.display(),
            key.display()
        )
    };
    let url = with(scene.authority.pair("vault"));
    let [_, client] = scene.connection(&url).await.unwrap();
    assert_eq!(client.as_deref(), Some("/CN=vault"));

    let foreign = with(Authority::new("another authority").pair("vault"));
    assert!(matches!(
        scene.connection(&foreign).await,
        Err(StoreError::Unavailable(_))
    ));
}
