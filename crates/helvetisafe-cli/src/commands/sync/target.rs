//! The Secret to write: its name, its namespace and its cluster, from flags, else from variables.

use std::env;
use std::fmt;
use std::path::PathBuf;

use crate::commands::kubernetes::{name_refusal, namespace_refusal};
use crate::failure::Failure;

const NAME: &str = "HELVETISAFE_K8S_SECRET_NAME";
const NAMESPACE: &str = "HELVETISAFE_K8S_NAMESPACE";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kubernetes")]
pub(super) struct TargetArgs {
    /// The name of the Secret; by default HELVETISAFE_K8S_SECRET_NAME.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The namespace of the Secret; by default HELVETISAFE_K8S_NAMESPACE, else that of the pod or of
    /// the kubeconfig's context.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Read this kubeconfig, also in a pod. By default a pod uses its service account; elsewhere it is
    /// the file in KUBECONFIG, else ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, instead of its current one.
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
}

/// The names of a Secret, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) namespace: String,
    /// The host and the port of the API server.
    pub(super) server: String,
}

impl TargetArgs {
    /// Returns the name of the Secret, if there is one.
    pub(super) fn name(&self) -> Result<Option<String>, Failure> {
        checked(self.name.as_deref(), "--name", NAME, name_refusal)
    }

    /// Returns the namespace, unless it is that of the cluster's configuration.
    pub(super) fn namespace(&self) -> Result<Option<String>, Failure> {
        let flag = self.namespace.as_deref();
        checked(flag, "--namespace", NAMESPACE, namespace_refusal)
    }
}

/// Returns the value of the flag, else that of the variable, unless it is empty.
fn checked(
    flag: Option<&str>,
    flag_name: &str,
    variable: &str,
    refusal: fn(&str) -> Option<&'static str>,
) -> Result<Option<String>, Failure> {
    let (value, source) = match (flag, env::var_os(variable)) {
        (Some(value), _) => (value.to_owned(), flag_name),
        (None, Some(value)) if !value.is_empty() => {
            (value.to_string_lossy().into_owned(), variable)
        }
        _ => return Ok(None),
    };
    match refusal(&value) {
        Some(reason) => Err(Failure::usage(format_args!("{source} {reason}"))),
        None => Ok(Some(value)),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Secret `{}/{}`", self.namespace, self.name)
    }
}
