//! Unknown settings, with hints at the settings that were probably meant.

use strsim::levenshtein;

use super::setting::{SETTINGS, Setting};
use crate::problem::Problem;

/// The beginning of every variable.
const PREFIX: &str = "HELVETISAFE_SERVER_";

/// Returns the problem with an unknown setting, and its remedy.
pub(super) fn remedy(name: &str, written: impl Fn(&Setting) -> &str) -> (String, String) {
    let remedy = match nearest(name) {
        Some(setting) => format!("write {}", written(setting)),
        None => {
            let names: Vec<&str> = SETTINGS.iter().map(&written).collect();
            format!("the settings are {}", names.join(", "))
        }
    };
    ("is not a setting".to_owned(), remedy)
}

/// Returns a problem for each environment variable with the prefix of the settings that is not a setting.
///
/// Kubernetes gives every container the addresses of the services in its namespace, as `NAME_SERVICE_HOST`, `NAME_PORT` and so
/// on. They are ignored, since a service can be named like the vault.
pub fn unknown_variables(names: impl IntoIterator<Item = String>) -> Vec<Problem> {
    let is_unknown = |name: &String| {
        name.starts_with(PREFIX)
            && name != "HELVETISAFE_SERVER_CONFIG"
            && !is_of_service(name)
            && !SETTINGS.iter().any(|setting| setting.variable == name)
    };
    let problems = names.into_iter().filter(is_unknown).map(|name| {
        let (problem, remedy) = remedy(name.trim_start_matches(PREFIX), |setting| setting.variable);
        Problem::new(&name, problem, format_args!("{remedy}, or unset it"))
    });
    problems.collect()
}

fn is_of_service(name: &str) -> bool {
    let parts = ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"];
    name.ends_with("_PORT") || parts.iter().any(|part| name.contains(part))
}

/// Returns the setting that a name resembles.
fn nearest(name: &str) -> Option<&'static Setting> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let is_begun = |it: &&Setting| name.len() > 3 && it.name.starts_with(&name);
    let mut begun = SETTINGS
        .iter()
        .filter(|it| name.starts_with(it.name) || is_begun(it));
    let resembling = || {
        let most = 2.max(name.len() / 5);
        let all = SETTINGS.iter().map(|it| (levenshtein(&name, it.name), it));
        let near = all.filter(|(distance, _)| *distance <= most);
        near.min_by_key(|(distance, _)| *distance).map(|(_, it)| it)
    };
    begun.next().or_else(resembling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_name_leads_to_the_setting() {
        for (name, expected) in [
            ("tls_cert", Some("tls-cert")),
            ("TLS-KEYS", Some("tls-key")),
            ("listener", Some("listen")),
            ("drain-dely", Some("drain-delay")),
            ("trusted-proxies", Some("trusted-proxy")),
            ("metrics", Some("metrics-listen")),
            ("port", None),
            ("", None),
        ] {
            assert_eq!(nearest(name).map(|it| it.name), expected, "{name}");
        }
    }

    #[test]
    fn unknown_variables_are_refused_and_those_of_services_are_not() {
        let found = unknown_variables(
            [
                "HELVETISAFE_SERVER_LISTENER",
                "HELVETISAFE_SERVER_LISTEN",
                "HELVETISAFE_SERVER_CONFIG",
                "HELVETISAFE_SERVER_SERVICE_HOST",
                "HELVETISAFE_SERVER_SERVICE_PORT_HTTPS",
                "HELVETISAFE_SERVER_PORT",
                "HELVETISAFE_SERVER_METRICS_PORT_9464_TCP_ADDR",
                "HELVETISAFE_BASE_URL",
            ]
            .map(str::to_owned),
        );
        let found: Vec<String> = found.iter().map(Problem::to_string).collect();
        let expected = "HELVETISAFE_SERVER_LISTENER: is not a setting; write HELVETISAFE_SERVER_LISTEN, or unset it";
        assert_eq!(found, [expected]);
    }
}
