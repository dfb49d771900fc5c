//! The files of `deploy` use settings and metrics that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustls::ALL_VERSIONS;
use serde_json::Value;

use crate::certificates::Authority;
use crate::metrics::scrape;
use crate::process::{Serve, command};
use crate::state::State;
use crate::tls::{ask, client_config, connect};

pub(crate) fn deployed(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    fs::read_to_string(folder.join(file)).unwrap()
}

/// Returns the names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|it: char| !(it.is_ascii_alphanumeric() || it == '_'));
    words.filter(|it| it.starts_with("helvetisafe_")).collect()
}

#[test]
fn alerts_and_dashboard_use_the_metrics_of_a_vault_and_all_of_them() {
    let (state, authority) = (State::new(), Authority::new());
    let files = authority.pair().write(state.folder.path());
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let mut options = vec!["--metrics-listen", "127.0.0.1:0"];
    let url = server.url();
    options.extend(["--database", &url]);
    let mut serve = Serve::start_tls(&state, &files, &options);
    let metrics = serve.metrics_address();
    let config = client_config(&authority, ALL_VERSIONS);
    // A histogram is there after its first value.
    ask(&mut connect(&config, serve.address).unwrap(), "/health").unwrap();
    let text = scrape(metrics);
    // SQLite has metrics of its own.
    let mut on_file = Serve::start(&state, &["--metrics-listen", "127.0.0.1:0"]);
    let text = text + &scrape(on_file.metrics_address());
    on_file.stop();
    let samples = text.lines().filter(|it| !it.starts_with('#'));
    let exported: BTreeSet<_> = samples.flat_map(metrics_in).collect();
    let (alerts, dashboard) = (
        deployed("monitoring/alerts.yaml"),
        deployed("monitoring/dashboard.json"),
    );
    let used = &metrics_in(&alerts) | &metrics_in(&dashboard);
    let unknown: Vec<_> = used.difference(&exported).collect();
    assert!(unknown.is_empty(), "no vault exports {unknown:?}");
    let unused: Vec<_> = exported.difference(&used).collect();
    assert!(unused.is_empty(), "{unused:?} are in no panel and no alert");
    serve.stop();
}

/// Returns the settings of a manifest or a compose file, which are lines `HELVETISAFE_SERVER_NAME: value`.
fn settings(text: &str) -> Vec<(&str, &str)> {
    let pairs = text.lines().filter_map(|it| it.trim().split_once(": "));
    pairs
        .filter(|(name, _)| name.starts_with("HELVETISAFE_SERVER_"))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect()
}

/// Returns whether the settings are valid, with what `check` reports on them.
fn is_valid(settings: &[(&str, &str)]) -> (bool, String) {
    let mut check = command(&["check", "--json"]);
    // Certificate and database are not there, which other checks report.
    let output = check.envs(settings.iter().copied()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let configuration = checks.iter().filter(|it| it["name"] == "configuration");
    let is_valid = configuration.clone().all(|it| it["status"] == "ok");
    (is_valid, format!("{:?}", configuration.collect::<Vec<_>>()))
}

#[test]
fn the_settings_of_the_manifest_and_of_the_compose_file_are_valid() {
    for file in ["kubernetes/vault.yaml", "compose/compose.yaml"] {
        let text = deployed(file);
        let mut settings = settings(&text);
        assert!(settings.len() > 5, "{file}: {settings:?}");
        let (is_right, report) = is_valid(&settings);
        assert!(is_right, "{file}: {report}");
        settings.push(("HELVETISAFE_SERVER_LISTENER", "0.0.0.0:8200"));
        assert!(!is_valid(&settings).0);
        settings.pop();
        settings.push(("HELVETISAFE_SERVER_DRAIN_DELAY", "15 loaves"));
        assert!(!is_valid(&settings).0);
    }
}

/// The Job logs in as the owner of the tables. It is not behind the nodes' Service.
#[test]
fn the_job_that_migrates_uses_the_database_and_the_image_of_the_nodes() {
    let [nodes, job] = ["vault", "migrate"].map(|it| deployed(&format!("kubernetes/{it}.yaml")));
    let value = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!(" {name}: ")).unwrap();
        rest.lines().next().unwrap().to_owned()
    };
    assert_eq!(value(&nodes, "image"), value(&job, "image"));
    let database = value(&job, "value");
    let as_node = database.replace("helvetisafe@", "helvetisafe_node@");
    assert_eq!(as_node, value(&nodes, "HELVETISAFE_SERVER_DATABASE"));
    assert_eq!(value(&nodes, "selector"), "{app: helvetisafe-vault}");
    assert_eq!(value(&job, "app"), "helvetisafe-vault-migrate");

    let arguments = value(&job, "args");
    assert_eq!(arguments, "[migrate]");
    let mut migrate = command(&[arguments.trim_matches(['[', ']'])]);
    let output = migrate
        .env("HELVETISAFE_SERVER_DATABASE", &database)
        .output()
        .unwrap();
    // The setting is valid; the files are missing.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let parts = [
        ": the database cannot be reached: ",
        ": sslrootcert /run/database/ca.crt: cannot be read: ",
    ];
    assert!(parts.iter().all(|it| stderr.contains(it)), "{stderr}");
}

#[test]
fn kubernetes_and_compose_wait_for_the_drain() {
    let number = |text: &str, name: &str| -> u64 {
        let (_, rest) = text.split_once(name).unwrap();
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    // The vault gives requests in flight 5 s.
    let manifest = deployed("kubernetes/vault.yaml");
    let drain = number(&manifest, "DRAIN_DELAY: ");
    assert!(number(&manifest, "terminationGracePeriodSeconds: ") > drain + 5);
    let compose = deployed("compose/compose.yaml");
    let drain = number(&compose, "DRAIN_DELAY: ");
    assert!(number(&compose, "stop_grace_period: ") > drain + 5);
}
