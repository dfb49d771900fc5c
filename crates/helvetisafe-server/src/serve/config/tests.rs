use std::time::Duration;

use super::*;
use crate::serve::setting::{Origin, SETTINGS, Setting};

fn flags(pairs: &[(&str, &str)]) -> Vec<Given> {
    let given = pairs.iter().map(|(name, value)| {
        let values = value.split(' ').map(str::to_owned).collect();
        Setting::named(name).unwrap().given(values, Origin::Flag)
    });
    given.collect()
}

const DATABASE: (&str, &str) = ("database", "sqlite:a.db");

fn resolve(pairs: &[(&str, &str)]) -> Result<Config, String> {
    let mut given = flags(&[DATABASE]);
    given.extend(flags(pairs));
    let join = |problems: Vec<Problem>| {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        lines.join("\n")
    };
    Config::resolve(given, None).map_err(join)
}

#[test]
fn plain_http_is_refused_where_others_could_read_it() {
    const TLS: [(&str, &str); 2] = [("tls-cert", "a"), ("tls-key", "b")];
    const PROXY: (&str, &str) = ("trusted-proxy", "10.0.0.0/8");
    for listen in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:0"] {
        let alone = resolve(&[("listen", listen)]).unwrap();
        assert!(matches!(alone.endpoint, Endpoint::Loopback(_)), "{listen}");
    }
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8200", "10.0.0.1:1"] {
        let refused = resolve(&[("listen", listen)]).unwrap_err();
        for part in [
            "--listen: ",
            "not a loopback address",
            "--tls-cert",
            "--trusted-proxy",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
        let tls = resolve(&[("listen", listen), TLS[0], TLS[1]]).unwrap();
        assert!(matches!(tls.endpoint, Endpoint::Tls(..)), "{listen}");
        let proxied = resolve(&[("listen", listen), PROXY]).unwrap();
        assert!(
            matches!(proxied.endpoint, Endpoint::Proxied(..)),
            "{listen}"
        );
        let both = resolve(&[("listen", listen), PROXY, TLS[0], TLS[1]]).unwrap();
        assert!(matches!(both.endpoint, Endpoint::Tls(..)), "{listen}");
        assert!(both.proxies.is_some());
    }
}

#[test]
fn every_wrong_setting_is_named_with_a_remedy() {
    for (name, value, remedy) in [
        ("database", "postgre:a", "write sqlite:FILE"),
        ("listen", "8200", "write an address with a port"),
        ("tls-cert", "", "write the path"),
        ("tls-cert", "a", "give both"),
        ("tls-key", "a", "give both"),
        ("trusted-proxy", "10.0.0.0/8 x", "write a network"),
        (
            "metrics-listen",
            "localhost:1",
            "write an address with a port",
        ),
        ("drain-delay", "soon", "write it like 15s"),
        ("drain-delay", "2h", "write it like 15s"),
        ("drain-delay", "-1s", "write it like 15s"),
        ("client-timeout", "0", "write it like 30s"),
        ("client-timeout", "500ms", "write it like 30s"),
        ("no-migrate", "yes", "write true or false"),
        ("log-format", "xml", "write text or json"),
        ("max-connections", "0", "write a number"),
        ("limit-logins", "1", "write COUNT/SECONDS"),
    ] {
        let message = resolve(&[(name, value)]).unwrap_err();
        assert!(message.starts_with(&format!("--{name}: ")), "{message}");
        assert!(message.contains(remedy), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let secret = resolve(&[("database", "postgre://user:canary@host/db")]).unwrap_err();
    assert!(!secret.contains("canary"), "{secret}");
    let wrong = resolve(&[("listen", "[::]:0"), ("trusted-proxy", "x")]).unwrap_err();
    assert_eq!(wrong.lines().count(), 1, "{wrong}");
    let all = resolve(&[("listen", "x"), ("drain-delay", "x"), ("access-log", "x")]);
    assert_eq!(all.unwrap_err().lines().count(), 3);
    let missing = Config::resolve(Vec::new(), None).unwrap_err();
    assert!(
        missing[0]
            .to_string()
            .starts_with("--database: is missing;")
    );
}

/// A wrong value is seen in every layer, with its place, unless a layer above it has another one.
#[test]
fn every_setting_is_read_from_every_layer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    // Every text is a path.
    let settings = SETTINGS.iter().filter(|it| !it.name.starts_with("tls-"));
    for setting in settings {
        let name = setting.name;
        std::fs::write(&file, format!("{name} = \"?file\"")).unwrap();
        let variable = setting.given(vec!["?variable".to_owned()], Origin::Variable);
        let flag = setting.given(vec!["?flag".to_owned()], Origin::Flag);
        for (given, place) in [
            (vec![], format!("{}, line 1: {name}: ", file.display())),
            (vec![variable.clone()], format!("{}: ", setting.variable)),
            (vec![variable, flag], format!("--{name}: ")),
        ] {
            let problems = Config::resolve(given, Some(&file)).unwrap_err();
            let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
            let of_it = texts
                .iter()
                .filter(|it| it.contains(&format!("{name}: ")) || it.contains(setting.variable));
            let of_it: Vec<_> = of_it.collect();
            assert_eq!(of_it.len(), 1, "{texts:?}");
            assert!(of_it[0].starts_with(&place), "{place}: {of_it:?}");
        }
    }
}

#[test]
fn the_command_line_outweighs_the_environment_and_that_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("server.toml");
    let text = "database = \"sqlite:file.db\"\nlisten = \"127.0.0.1:1\"\ndrain-delay = 1\nlimit-logins = \"off\"";
    std::fs::write(&file, text).unwrap();
    let mut given = vec![
        Setting::named("listen")
            .unwrap()
            .given(vec!["127.0.0.1:2".to_owned()], Origin::Variable),
    ];
    let config = Config::resolve(given.clone(), Some(&file)).unwrap();
    assert_eq!(config.endpoint.address().port(), 2);
    assert_eq!(config.tuning.drain_delay, Duration::from_secs(1));
    assert_eq!(config.tuning.limits.logins, None);
    assert_eq!(config.database.to_string(), "sqlite:file.db");
    given.extend(flags(&[("drain-delay", "later")]));
    let error = Config::resolve(given, Some(&file)).unwrap_err();
    assert_eq!(error.len(), 1, "{error:?}");
    std::fs::write(&file, "\nlisten = \"x\"").unwrap();
    let error = Config::resolve(flags(&[DATABASE]), Some(&file)).unwrap_err();
    let expected = format!("{}, line 2: listen: ", file.display());
    assert!(error[0].to_string().starts_with(&expected), "{error:?}");
}

/// The only problem is that of the file, although no database is given.
#[test]
fn nothing_that_follows_from_an_unreadable_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let problems = |file: &Path| {
        let by_database = Config::database(Vec::new(), Some(file)).err().unwrap();
        let problems = Config::resolve(Vec::new(), Some(file)).err().unwrap();
        assert_eq!(problems, by_database);
        let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
        problems.join("\n")
    };
    for (path, expected) in [
        (
            "/absent",
            "configuration file /absent: does not exist; correct the path of --config",
        ),
        (
            "/absent/a",
            "configuration file /absent/a: its folder /absent does not exist; correct the path of --config",
        ),
    ] {
        assert_eq!(problems(Path::new(path)), expected);
    }
    let file = folder.path().join("server.toml");
    for (text, end) in [
        ("database = ", "one setting a line"),
        ("database = 1.5", "write a text in quotes, or a number"),
    ] {
        std::fs::write(&file, text).unwrap();
        let found = problems(&file);
        assert!(found.ends_with(end), "{found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }
    // Without TLS, this address would be refused.
    std::fs::write(
        &file,
        "database = \"sqlite:a\"\nlisten = \"[::]:1\"\ntls-cert = [1]\n",
    )
    .unwrap();
    let error = Config::resolve(Vec::new(), Some(&file)).unwrap_err();
    assert_eq!(error.len(), 1, "{error:?}");
}
