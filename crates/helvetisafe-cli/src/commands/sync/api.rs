//! The requests to the API server.

use std::env;
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::core::Request;
use kube::core::params::{GetParams, Patch, PatchParams, PostParams};
use kube::{Client, Config};
use serde::Serialize;

use super::explain::{ApiError, chain, explain, no_kubeconfig};
use super::secret::{Manifest, Secret};
use super::target::{Target, TargetArgs};
use crate::failure::Failure;
use crate::ui::messages::Messages;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);

/// A Secret of a cluster, for one field manager.
pub(super) struct Api {
    client: Client,
    requests: Request,
    pub(super) target: Target,
    pub(super) manager: String,
    pub(super) dry_run: bool,
}

impl Api {
    /// Reads the configuration; nothing is sent. Call it in a runtime.
    pub(super) async fn new(
        args: &TargetArgs,
        name: String,
        manager: &str,
        dry_run: bool,
        messages: Messages,
    ) -> Result<Self, Failure> {
        let namespace = args.namespace()?;
        let mut config = config(args).await?;
        check(&config, messages)?;
        restrict(&mut config);
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.read_timeout = Some(TIMEOUT);
        config.write_timeout = Some(TIMEOUT);
        config.reset_reader_on_write = true;
        let agent = HeaderValue::from_static(concat!("helvetisafe/", env!("CARGO_PKG_VERSION")));
        config.headers.push((USER_AGENT, agent));
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        let server = config.cluster_url.authority().map(ToString::to_string);
        let target = Target {
            name,
            namespace,
            server: server.unwrap_or_default(),
        };
        // This also asks a plugin of the kubeconfig for the credential.
        let client = Client::try_from(config).map_err(|error| match error {
            kube::Error::Auth(_) => explain(&error, "get", &target).failure,
            _ => Failure::usage(format_args!(
                "cannot use the configuration of the cluster: {}; correct the kubeconfig",
                chain(&error)
            )),
        })?;
        Ok(Self {
            client,
            requests: Request::new(format!("/api/v1/namespaces/{}/secrets", target.namespace)),
            target,
            manager: manager.to_owned(),
            dry_run,
        })
    }

    /// Reads the Secret, if it exists.
    pub(super) async fn get(&self) -> Result<Option<Secret>, ApiError> {
        let request = self.requests.get(&self.target.name, &GetParams::default());
        match self.send(request).await {
            Ok(secret) => Ok(Some(secret)),
            Err(kube::Error::Api(refusal)) if refusal.code == 404 => Ok(None),
            Err(error) => Err(self.explain(&error, "get")),
        }
    }

    /// Applies the fields of a manifest, and removes those that an earlier apply of this manager had.
    pub(super) async fn apply(
        &self,
        manifest: &Manifest<'_>,
        force: bool,
    ) -> Result<Secret, ApiError> {
        let params = PatchParams {
            force,
            ..self.patch_params()
        };
        self.patch(&params, &Patch::Apply(manifest)).await
    }

    /// Changes only the members in `patch`; null removes one.
    pub(super) async fn merge(&self, patch: &impl Serialize) -> Result<Secret, ApiError> {
        self.patch(&self.patch_params(), &Patch::Merge(patch)).await
    }

    async fn patch<P: Serialize>(
        &self,
        params: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<Secret, ApiError> {
        let request = self.requests.patch(&self.target.name, params, patch);
        let sent = self.send(request).await;
        sent.map_err(|error| self.explain(&error, "patch"))
    }

    pub(super) async fn create(&self, manifest: &Manifest<'_>) -> Result<Secret, ApiError> {
        let request = self.requests.create(&self.post_params(), json(manifest)?);
        let sent = self.send(request).await;
        sent.map_err(|error| self.explain(&error, "create"))
    }

    /// Replaces the Secret, if it is still the version in the manifest.
    pub(super) async fn replace(&self, manifest: &Manifest<'_>) -> Result<Secret, ApiError> {
        let name = &self.target.name;
        let (params, body) = (self.post_params(), json(manifest)?);
        let request = self.requests.replace(name, &params, body);
        let sent = self.send(request).await;
        sent.map_err(|error| self.explain(&error, "update"))
    }

    async fn send(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Secret, kube::Error> {
        let request = request.map_err(kube::Error::BuildRequest)?;
        self.client.request(request).await
    }

    fn explain(&self, error: &kube::Error, verb: &str) -> ApiError {
        explain(error, verb, &self.target)
    }

    fn patch_params(&self) -> PatchParams {
        PatchParams {
            dry_run: self.dry_run,
            field_manager: Some(self.manager.clone()),
            ..PatchParams::default()
        }
    }

    fn post_params(&self) -> PostParams {
        PostParams {
            dry_run: self.dry_run,
            field_manager: Some(self.manager.clone()),
        }
    }
}

/// In a pod its service account, elsewhere the kubeconfig.
async fn config(args: &TargetArgs) -> Result<Config, Failure> {
    let options = KubeConfigOptions {
        context: args.context.clone(),
        ..KubeConfigOptions::default()
    };
    let is_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some() && args.context.is_none();
    let config = match &args.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| no_kubeconfig(&error))?;
            Config::from_custom_kubeconfig(file, &options).await
        }
        None if is_pod => {
            return Config::incluster_env().map_err(|error| {
                Failure::usage(format_args!(
                    "cannot read the pod's service account: {}; let the pod mount its token \
                     (automountServiceAccountToken), or give --kubeconfig",
                    chain(&error)
                ))
            });
        }
        None => Config::from_kubeconfig(&options).await,
    };
    config.map_err(|error| no_kubeconfig(&error))
}

/// Refuses to send values in clear over a network, and warns where the server is not verified.
fn check(config: &Config, messages: Messages) -> Result<(), Failure> {
    let url = &config.cluster_url;
    let host = url.host().unwrap_or_default();
    let is_loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    if url.scheme_str() != Some("https") && !is_loopback {
        return Err(Failure::usage(format_args!(
            "the API server {url} has no TLS: secrets would cross the network in clear; use https"
        )));
    }
    if config.accept_invalid_certs {
        messages.warning(
            "the kubeconfig has insecure-skip-tls-verify: another machine on the network could read the secrets",
        );
    }
    Ok(())
}

/// Restricts what others learn: a proxy would see the values unless they are encrypted, and a plugin needs
/// no variable of this command.
fn restrict(config: &mut Config) {
    if config.cluster_url.scheme_str() != Some("https") {
        config.proxy_url = None;
    }
    let AuthInfo {
        exec,
        auth_provider,
        ..
    } = &mut config.auth_info;
    if let Some(exec) = exec {
        let names = variables();
        // The variables that the kubeconfig gives it stay.
        let is_given = |name: &String| {
            let mut given = exec.env.iter().flatten().map(|it| it.get("name"));
            given.any(|given| given == Some(name))
        };
        exec.drop_env = Some(names.filter(|name| !is_given(name)).collect());
    }
    if let Some(provider) = auth_provider {
        let names: Vec<_> = variables().collect();
        let dropped = provider.config.entry("cmd-drop-env".to_owned());
        *dropped.or_default() += &format!(" {}", names.join(" "));
    }
}

/// Returns the names of the environment's variables for this command, of which some are credentials.
fn variables() -> impl Iterator<Item = String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with("HELVETISAFE_"))
}

fn json(manifest: &Manifest<'_>) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(manifest)
        .map_err(|error| Failure::other(format_args!("cannot write the manifest: {error}")))
}
