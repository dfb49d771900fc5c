//! Failures of the API server, in the words of this command.

use std::error::Error;

use kube::client::AuthError;
use kube::config::KubeconfigError;
use kube::core::Status as Refusal;

use super::target::Target;
use crate::failure::{Failure, Status};

/// A failed request.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) kind: Kind,
    pub(super) failure: Failure,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The account may not do this, a verb of RBAC.
    Forbidden(String),
    /// The Secret has changed, or appeared, since it was read.
    Changed,
    Other,
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let kind = Kind::Other;
        Self { kind, failure }
    }
}

/// Explains the failure of a request with this verb of RBAC.
pub(super) fn explain(error: &kube::Error, verb: &str, target: &Target) -> ApiError {
    match error {
        kube::Error::Api(refusal) => refused(refusal, verb, target),
        kube::Error::Auth(error) => no_credential(error).into(),
        kube::Error::Service(cause) => match cause.downcast_ref() {
            // A new credential, since the last one expired: a plugin may need the network too.
            Some(error) => no_credential(error).passing().into(),
            None => unreachable_server(&**cause, target).into(),
        },
        kube::Error::HyperError(cause) => unreachable_server(cause, target).into(),
        _ => Failure::other(format_args!(
            "cannot {verb} {target}: {}; check the address of the API server",
            chain(error)
        ))
        .into(),
    }
}

/// The failure of a login, without the plugin's variables and its output, which can have a token.
fn no_credential(error: &AuthError) -> Failure {
    let what = match error {
        AuthError::AuthExecRun { out, .. } => format!("the plugin failed ({})", out.status),
        AuthError::AuthExecParse(_) => "the plugin printed no credential".to_owned(),
        _ => chain(error),
    };
    Failure::new(
        Status::Auth,
        format_args!(
            "cannot get a credential for the API server: {what}; check the user in the kubeconfig, and run \
             its plugin alone to see why"
        ),
    )
}

/// The failure of a kubeconfig. The text of a parser's error could quote a token.
pub(super) fn no_kubeconfig(error: &KubeconfigError) -> Failure {
    let what = match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("it is not valid in line {}", at.line()),
            None => "it is not valid".to_owned(),
        },
        KubeconfigError::ReadConfig(error, path) => format!("{}: {error}", path.display()),
        _ => chain(error),
    };
    Failure::usage(format_args!(
        "cannot read the kubeconfig: {what}; give --kubeconfig and --context, or set KUBECONFIG"
    ))
}

fn unreachable_server(cause: &dyn Error, target: &Target) -> Failure {
    let (chain, server) = (chain(cause), &target.server);
    let failure = |advice| {
        Failure::new(
            Status::NoAnswer,
            format_args!("cannot reach the API server {server}: {chain}; {advice}"),
        )
    };
    // Another attempt would not change it.
    if chain.contains("certificate") {
        return failure("check the certificate authority in the kubeconfig or the pod");
    }
    failure("check its address and the network, such as a NetworkPolicy").passing()
}

fn refused(refusal: &Refusal, verb: &str, target: &Target) -> ApiError {
    let said = &refusal.message;
    let failure = |status, advice: &str| {
        let code = refusal.code;
        let message = format!("cannot {verb} {target}: {said} ({code})");
        let failure = Failure::new(status, message);
        match advice {
            "" => failure,
            advice => failure.with_advice(advice),
        }
    };
    match refusal.code {
        401 => failure(
            Status::Auth,
            "the API server refuses the credential: log in again, or check the pod's service account",
        )
        .into(),
        403 => forbidden(refusal, &failure),
        404 => failure(
            Status::Other,
            "create the namespace, or give another one with --namespace",
        )
        .into(),
        409 if is_apply_conflict(refusal) => failure(
            Status::Conflict,
            "let the other field manager stop, or take its entries over with --force-conflicts",
        )
        .into(),
        409 => ApiError {
            kind: Kind::Changed,
            failure: failure(
                Status::Conflict,
                "it changed at the same time, several times: try again",
            )
            .passing(),
        },
        429 => failure(Status::RateLimited, "").passing().into(),
        500.. => failure(Status::NoAnswer, "").passing().into(),
        _ => failure(Status::Other, "").into(),
    }
}

/// Names the verb that the account lacks, which may be another than that of the request: an apply of a new
/// Secret needs `create` too.
fn forbidden(refusal: &Refusal, failure: &dyn Fn(Status, &str) -> Failure) -> ApiError {
    let Some(verb) = missing_verb(&refusal.message) else {
        return failure(Status::Forbidden, "").into();
    };
    let verbs = match verb {
        "update" => "`patch`, or `update`,",
        "get" => "`get`",
        "create" => "`create`",
        _ => "`patch`",
    };
    let advice =
        format!("allow its Role the verb {verbs} on secrets; docs/kubernetes.md has such a Role");
    ApiError {
        kind: Kind::Forbidden(verb.to_owned()),
        failure: failure(Status::Forbidden, &advice),
    }
}

/// Returns the verb in "User … cannot patch resource …". Other refusals, such as a quota, name none.
fn missing_verb(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(" cannot ")?;
    let (verb, rest) = rest.split_once(' ')?;
    rest.starts_with("resource ").then_some(verb)
}

fn is_apply_conflict(refusal: &Refusal) -> bool {
    let causes = refusal.details.iter().flat_map(|it| &it.causes);
    causes
        .into_iter()
        .any(|it| it.reason == "FieldManagerConflict")
}

/// Returns an error with its causes, each once.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_verb_is_that_of_the_message() {
        let message = "secrets \"app\" is forbidden: User \"a\" cannot patch resource \"secrets\" in \
                       API group \"\" in the namespace \"prod\"";
        assert_eq!(missing_verb(message), Some("patch"));
        for other in ["exceeded quota: a", "you cannot do that", " cannot ", ""] {
            assert_eq!(missing_verb(other), None, "{other}");
        }
    }
}
