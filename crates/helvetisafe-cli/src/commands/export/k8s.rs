//! A Kubernetes Secret, with the values as base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::text::buffer;
use crate::commands::kubernetes::{LARGEST, TOO_LARGE, name_refusal, namespace_refusal};
use crate::commands::selection::Variable;
use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kubernetes")]
pub(super) struct ManifestArgs {
    /// The name of the Secret.
    #[arg(long, required_if_eq("format", "k8s"), value_name = "NAME")]
    name: Option<String>,
    /// The namespace of the Secret.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
}

impl ManifestArgs {
    /// Fails if the names are invalid, or the format is not selected.
    pub(super) fn check(&self, is_selected: bool) -> Result<(), Failure> {
        if !is_selected && (self.name.is_some() || self.namespace.is_some()) {
            return Err(Failure::usage(
                "--name and --namespace are for --format k8s; leave them out",
            ));
        }
        if let Some(reason) = self.name.as_deref().and_then(name_refusal) {
            return Err(Failure::usage(format_args!("--name {reason}")));
        }
        if let Some(reason) = self.namespace.as_deref().and_then(namespace_refusal) {
            return Err(Failure::usage(format_args!("--namespace {reason}")));
        }
        Ok(())
    }

    /// Returns the manifest. Valid keys and names need no escapes between quotes.
    pub(super) fn text(&self, variables: &[Variable]) -> Result<Zeroizing<String>, Failure> {
        let sizes = variables.iter().map(|v| v.value.expose_secret().len());
        if sizes.sum::<usize>() > LARGEST {
            return Err(Failure::usage(TOO_LARGE));
        }
        let mut out = buffer(variables);
        out.push_str("apiVersion: v1\nkind: Secret\nmetadata:\n");
        for (label, name) in [("name", &self.name), ("namespace", &self.namespace)] {
            if let Some(name) = name {
                out.push_str(&format!("  {label}: \"{name}\"\n"));
            }
        }
        out.push_str("type: Opaque\n");
        out.push_str(if variables.is_empty() {
            "data: {}\n"
        } else {
            "data:\n"
        });
        for variable in variables {
            out.extend(["  \"", &*variable.name, "\": \""]);
            STANDARD.encode_string(variable.value.expose_secret(), &mut out);
            out.push_str("\"\n");
        }
        Ok(out)
    }
}

#[cfg(test)]
impl ManifestArgs {
    pub(super) fn new(name: &str, namespace: Option<&str>) -> Self {
        Self {
            name: Some(name.to_owned()),
            namespace: namespace.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::super::tests::values;
    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Manifest {
        api_version: String,
        kind: String,
        metadata: BTreeMap<String, String>,
        r#type: String,
        data: BTreeMap<String, String>,
    }

    proptest! {
        #[test]
        fn a_yaml_reader_finds_every_value(value in values()) {
            let args = ManifestArgs::new("1e3", Some("prod"));
            let text = args.text(&[Variable::new("no", &value), Variable::new("tls.crt", "!")]).unwrap();
            let manifest: Manifest = serde_saphyr::from_str(&text).unwrap();
            prop_assert_eq!(manifest.api_version, "v1");
            prop_assert_eq!(manifest.kind, "Secret");
            prop_assert_eq!(manifest.r#type, "Opaque");
            prop_assert_eq!(&manifest.metadata["name"], "1e3");
            prop_assert_eq!(&manifest.metadata["namespace"], "prod");
            prop_assert_eq!(STANDARD.decode(&manifest.data["no"]).unwrap(), value.as_bytes());
            prop_assert_eq!(&manifest.data["tls.crt"], "IQ==");
        }
    }

    #[test]
    fn names_are_checked() {
        for (args, is_selected) in [
            (ManifestArgs::new("App", None), true),
            (ManifestArgs::new("app", Some("a.b")), true),
            (ManifestArgs::new("app", None), false),
        ] {
            assert!(args.check(is_selected).is_err());
        }
        assert!(ManifestArgs::new("app", Some("prod")).check(true).is_ok());
    }

    #[test]
    fn a_secret_has_at_most_one_mebibyte() {
        let args = ManifestArgs::new("app", None);
        let half = "x".repeat(LARGEST / 2);
        let mut variables = vec![Variable::new("A", &half), Variable::new("B", &half)];
        assert!(args.text(&variables).is_ok());
        variables.push(Variable::new("C", "x"));
        assert!(args.text(&variables).is_err());
    }
}
