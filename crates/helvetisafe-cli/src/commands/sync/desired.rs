//! The entries, labels and annotations that a Secret should have.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::secret::{Encoded, Secret};
use crate::commands::kubernetes::{LARGEST, TOO_LARGE, key_refusal};
use crate::commands::selection::{Variable, refuse};
use crate::failure::Failure;
use crate::ui::messages::Messages;

/// The label that shows the tool that writes an object.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

#[derive(Clone, Default)]
pub(super) struct Desired {
    pub(super) data: BTreeMap<String, Encoded>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

impl Desired {
    /// Fails if a name cannot be a key of a Secret, or the values are too large.
    pub(super) fn new(
        variables: &[Variable],
        labels: &[(String, String)],
        annotations: &[(String, String)],
        messages: Messages,
    ) -> Result<Self, Failure> {
        refuse(variables, messages, |variable| {
            let reason = key_refusal(&variable.name)?;
            Some(format!("{} {reason}", variable.described()))
        })?;
        let sizes = variables.iter().map(|v| v.value.expose_secret().len());
        if sizes.sum::<usize>() > LARGEST {
            return Err(Failure::usage(TOO_LARGE));
        }
        let data = variables
            .iter()
            .map(|variable| (variable.name.clone(), Encoded::of(&variable.value)));
        let mut all_labels = BTreeMap::from([(MANAGED_BY.to_owned(), "helvetisafe".to_owned())]);
        all_labels.extend(labels.iter().cloned());
        Ok(Self {
            data: data.collect(),
            labels: all_labels,
            annotations: annotations.iter().cloned().collect(),
        })
    }

    /// Leaves out the label of the tool if the Secret has that of another, such as Helm, and the user did
    /// not ask for it.
    pub(super) fn for_live(&self, live: Option<&Secret>, labels: &[(String, String)]) -> Self {
        let mut desired = self.clone();
        let live = live.and_then(|live| live.metadata.labels.as_ref()?.get(MANAGED_BY));
        let is_other = live.is_some_and(|live| desired.labels.get(MANAGED_BY) != Some(live));
        if is_other && !labels.iter().any(|(name, _)| name == MANAGED_BY) {
            desired.labels.remove(MANAGED_BY);
        }
        desired
    }
}
