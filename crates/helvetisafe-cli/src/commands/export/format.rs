//! The formats, and what they have in common.

use clap::ValueEnum;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::k8s::ManifestArgs;
use super::text::buffer;
use super::{docker, dotenv, fish, github, json, powershell, shell, systemd, yaml};
use crate::commands::kubernetes::key_refusal;
use crate::commands::selection::Variable;
use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A .env file.
    Dotenv,
    /// sh, bash, zsh, dash, ksh.
    Shell,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// One object with texts.
    Json,
    /// One mapping with texts.
    Yaml,
    /// The file of `docker run --env-file`.
    Docker,
    /// The file of EnvironmentFile= in a unit.
    Systemd,
    /// A Kubernetes Secret.
    K8s,
    /// The file $GITHUB_ENV of a workflow, after masking all lines of 4 characters and more.
    Github,
}

impl Format {
    /// Returns the reason if the format cannot hold a variable.
    pub(super) fn refusal(self, name: &str, value: &str) -> Option<&'static str> {
        if self.is_environment()
            && let Some(refusal) = environment_refusal(name, value)
        {
            return Some(refusal);
        }
        match self {
            Self::Json => None,
            Self::Yaml => yaml::refusal(name),
            Self::K8s => key_refusal(name),
            Self::Dotenv => dotenv::refusal(name, value),
            Self::Shell => shell::refusal(name),
            Self::Fish => fish::refusal(name),
            Self::Powershell => powershell::refusal(value),
            Self::Docker => docker::refusal(name, value),
            Self::Systemd => systemd::refusal(value),
            Self::Github => github::refusal(name, value),
        }
    }

    /// Returns true if its reader creates environment variables.
    pub(super) fn is_environment(self) -> bool {
        !matches!(self, Self::Json | Self::Yaml | Self::K8s)
    }

    /// Returns the whole text.
    pub(super) fn text(
        self,
        variables: &[Variable],
        manifest: &ManifestArgs,
    ) -> Result<Zeroizing<String>, Failure> {
        let line = match self {
            Self::Json => return Ok(json::text(variables)),
            Self::Yaml => return Ok(yaml::text(variables)),
            Self::K8s => return manifest.text(variables),
            Self::Github => return github::text(variables),
            Self::Dotenv => dotenv::line,
            Self::Shell => shell::line,
            Self::Fish => fish::line,
            Self::Powershell => powershell::line,
            Self::Docker => docker::line,
            Self::Systemd => systemd::line,
        };
        let mut text = buffer(variables);
        for variable in variables {
            line(&mut text, &variable.name, variable.value.expose_secret());
        }
        Ok(text)
    }
}

/// Returns the reason if no environment, or no syntax for one, can hold a variable.
fn environment_refusal(name: &str, value: &str) -> Option<&'static str> {
    if !is_identifier(name) {
        Some(
            "cannot be the name of a variable in this format, which has only letters, digits and \
             underscores, and no digit first; name it with --env NAME=KEY or NAME=KEY.FIELD",
        )
    } else if value.contains('\0') {
        Some("contains NUL, which no environment can hold; json, yaml and k8s can")
    } else {
        None
    }
}

/// Checks POSIX.1-2024, base definitions, section 3.216.
fn is_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
