//! Brings a Secret to the desired state: by server-side apply, else by reading and replacing it.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::desired::Desired;
use super::explain::{ApiError, Kind};
use super::ownership::{Operation, Ownership};
use super::plan::{Conflict, Plan};
use super::report::{Report, names};
use super::secret::{Manifest, Secret};
use super::target::Target;
use crate::failure::{Failure, Status};
use crate::ui::messages::Messages;

/// The attempts to replace a Secret that others change at the same time.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Kubernetes")]
pub(super) struct WriteArgs {
    /// A label of the Secret, beside app.kubernetes.io/managed-by=helvetisafe.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) labels: Vec<(String, String)>,
    /// An annotation of the Secret.
    #[arg(long = "annotation", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) annotations: Vec<(String, String)>,
    /// The type of the Secret, such as kubernetes.io/tls. By default that of the existing one, else
    /// Opaque. Kubernetes does not let it change.
    #[arg(long = "type", value_name = "TYPE")]
    r#type: Option<String>,
    /// The field manager: the name under which the cluster stores who owns which entry.
    #[arg(long, value_name = "NAME", default_value = "helvetisafe")]
    pub(super) field_manager: String,
    /// Remove the entries that are not selected, also those of other managers.
    #[arg(long)]
    prune: bool,
    /// Take over entries that another manager owns with another value.
    #[arg(long)]
    force_conflicts: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("write it like NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) struct Writer<'a> {
    api: Api,
    args: &'a WriteArgs,
    operation: Operation,
    messages: Messages,
}

impl<'a> Writer<'a> {
    pub(super) fn new(api: Api, args: &'a WriteArgs, messages: Messages) -> Self {
        Self {
            api,
            args,
            operation: Operation::Apply,
            messages,
        }
    }

    /// Writes what differs. A Secret that changes meanwhile is read again.
    pub(super) async fn write(&mut self, desired: &Desired) -> Result<Report, Failure> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(desired).await {
                Ok(report) => return Ok(report),
                Err(error) => error,
            };
            let is_apply = self.operation == Operation::Apply;
            match error.kind {
                Kind::Forbidden(verb) if verb == "patch" && is_apply => {
                    self.messages
                        .detail("this account may not `patch`: reading and replacing instead");
                    self.operation = Operation::Update;
                }
                Kind::Changed if attempt < ATTEMPTS => {
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                _ => return Err(error.failure),
            }
        }
    }

    async fn attempt(&self, desired: &Desired) -> Result<Report, ApiError> {
        let live = self.api.get().await?;
        let desired = desired.for_live(live.as_ref(), &self.args.labels);
        let (manager, operation) = (&self.api.manager, self.operation);
        let plan = Plan::new(live.as_ref(), &desired, manager, operation);
        self.check(live.as_ref(), &plan)?;
        let prunes = self.args.prune && !plan.data.foreign.is_empty();
        let is_done = live.is_some() && plan.is_empty(operation) && !prunes;
        if !is_done {
            match operation {
                Operation::Apply => self.apply(live.as_ref(), &plan, &desired).await?,
                Operation::Update => self.update(live.as_ref(), &plan, &desired).await?,
            }
        }
        Ok(Report::new(
            &self.api,
            live.is_some(),
            &plan,
            self.args.prune,
        ))
    }

    /// Refuses what the API server would refuse, or what would overwrite another manager's value.
    fn check(&self, live: Option<&Secret>, plan: &Plan) -> Result<(), Failure> {
        let target = &self.api.target;
        let conflicts = plan.conflicts();
        if !conflicts.is_empty() && !self.args.force_conflicts {
            return Err(conflict(&conflicts, target));
        }
        let Some(live) = live else { return Ok(()) };
        let data = &plan.data;
        let changes = data.changes_values() || (self.args.prune && !data.foreign.is_empty());
        if live.immutable == Some(true) && changes {
            return Err(Failure::new(
                Status::Conflict,
                format_args!(
                    "{target} is immutable, and its entries differ ({}); delete it, or give another \
                     --name and let the pods use that",
                    names([&data.added, &data.changed, &data.removed])
                ),
            ));
        }
        match (&self.args.r#type, &live.r#type) {
            (Some(wanted), Some(found)) if wanted != found => Err(Failure::new(
                Status::Conflict,
                format_args!(
                    "{target} has the type {found}, which Kubernetes does not let change to {wanted}; \
                     delete it, or leave --type out"
                ),
            )),
            _ => Ok(()),
        }
    }

    async fn apply(
        &self,
        live: Option<&Secret>,
        plan: &Plan,
        desired: &Desired,
    ) -> Result<(), ApiError> {
        let claimed = plan.claimed();
        if let Some(live) = live.filter(|_| !claimed.is_empty() && !self.api.dry_run) {
            let fields = self.ownership(live).with_claimed(&claimed);
            let version = &live.metadata.resource_version;
            let metadata = json!({"resourceVersion": version, "managedFields": fields});
            self.api.merge(&json!({ "metadata": metadata })).await?;
        }
        let metadata = self.metadata(desired);
        // A type that an earlier apply had must stay in it.
        let live_type = live.and_then(|live| live.r#type.as_deref());
        let r#type = self.args.r#type.as_deref().or(live_type);
        let manifest = Manifest::new(&metadata, desired.data.iter(), r#type);
        // A dry run claims nothing, so without force the fields to claim would be conflicts.
        let force = self.args.force_conflicts || (self.api.dry_run && !claimed.is_empty());
        let applied = self.api.apply(&manifest, force).await?;
        if self.args.prune && !plan.data.foreign.is_empty() && !self.api.dry_run {
            let names = plan.data.foreign.iter();
            let none: Map<_, _> = names.map(|name| (name.clone(), Value::Null)).collect();
            let version = &applied.metadata.resource_version;
            let patch = json!({"metadata": {"resourceVersion": version}, "data": none});
            self.api.merge(&patch).await?;
        }
        Ok(())
    }

    async fn update(
        &self,
        live: Option<&Secret>,
        plan: &Plan,
        desired: &Desired,
    ) -> Result<(), ApiError> {
        let Some(live) = live else {
            let metadata = self.metadata(desired);
            let r#type = self.args.r#type.as_deref();
            let manifest = Manifest::new(&metadata, desired.data.iter(), r#type);
            self.api.create(&manifest).await?;
            return Ok(());
        };
        let mut metadata = live.metadata.clone();
        let claimed = plan.claimed();
        if !claimed.is_empty() {
            metadata.managed_fields = Some(self.ownership(live).with_claimed(&claimed));
        }
        merge(&mut metadata.labels, &desired.labels, &plan.labels.removed);
        let removed = &plan.annotations.removed;
        merge(&mut metadata.annotations, &desired.annotations, removed);
        let data = &plan.data;
        let is_kept = |name: &String| {
            let is_pruned = self.args.prune && data.foreign.contains(name);
            !is_pruned && !data.removed.contains(name)
        };
        // Of two entries with the same name the last one counts.
        let entries = live.data.iter().filter(|(name, _)| is_kept(name));
        let entries = entries.chain(&desired.data);
        let manifest = Manifest::new(&metadata, entries, live.r#type.as_deref());
        self.api
            .replace(&manifest.immutable(live.immutable))
            .await?;
        Ok(())
    }

    fn ownership<'b>(&'b self, live: &'b Secret) -> Ownership<'b> {
        let fields = live.metadata.managed_fields.as_deref().unwrap_or_default();
        Ownership::new(fields, &self.api.manager, self.operation)
    }

    fn metadata(&self, desired: &Desired) -> ObjectMeta {
        let some = |map: &BTreeMap<_, _>| Some(map.clone()).filter(|map| !map.is_empty());
        ObjectMeta {
            name: Some(self.api.target.name.clone()),
            namespace: Some(self.api.target.namespace.clone()),
            labels: some(&desired.labels),
            annotations: some(&desired.annotations),
            ..ObjectMeta::default()
        }
    }
}

fn merge(
    live: &mut Option<BTreeMap<String, String>>,
    wanted: &BTreeMap<String, String>,
    removed: &[String],
) {
    let map = live.get_or_insert_default();
    map.retain(|name, _| !removed.contains(name));
    map.extend(
        wanted
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
}

fn conflict(conflicts: &[&Conflict], target: &Target) -> Failure {
    let each = conflicts.iter().map(|it| {
        let managers = match it.managers.join(", ") {
            managers if managers.is_empty() => "an unknown field manager".to_owned(),
            managers => format!("the field manager `{managers}`"),
        };
        let noun = it.field.section.noun();
        format!(
            "the {noun} `{}` belongs to {managers}, with another value",
            it.field.name
        )
    });
    let each = each.collect::<Vec<_>>().join(", ");
    Failure::new(
        Status::Conflict,
        format_args!(
            "cannot write {target}: {each}; let that manager stop, select other secrets, or take over with \
             --force-conflicts"
        ),
    )
}
