//! Selects the requests of a rule.

use axum::http::Method;

/// One of the service's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Route {
    /// `POST /oauth/token`
    Token,
    /// `GET /api/v1/credentials/org-key`
    OrgKey,
    /// `GET /api/v1/credentials/private-key`
    PrivateKey,
    /// `GET /api/v1/secrets`
    List,
    /// `POST /api/v1/secrets`
    Create,
    /// `GET /api/v1/secrets/{key}`
    Read,
    /// `PUT /api/v1/secrets/{key}`
    Update,
    /// `POST /api/v1/secrets/{key}`, which creates or updates
    Put,
    /// `DELETE /api/v1/secrets/{key}`
    Delete,
}

/// A call on one secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// [`Route::Create`]
    Create,
    /// [`Route::Read`]
    Read,
    /// [`Route::Update`]
    Update,
    /// [`Route::Put`]
    Put,
    /// [`Route::Delete`]
    Delete,
}

/// A selection of requests. A [`Route`] or a [`Verb`] converts into one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Requests {
    /// `None` matches every request.
    route: Option<Route>,
    /// `None` matches every request.
    key: Option<String>,
}

impl Requests {
    /// Selects every request, including those that are none of the service's calls.
    pub fn any() -> Self {
        Self {
            route: None,
            key: None,
        }
    }

    /// Selects every request that creates, reads, writes or deletes this secret.
    pub fn about(key: impl Into<String>) -> Self {
        Self {
            route: None,
            key: Some(key.into()),
        }
    }

    pub(super) fn include(&self, route: Option<Route>, key: Option<&str>) -> bool {
        self.route.is_none_or(|wanted| route == Some(wanted))
            && self
                .key
                .as_ref()
                .is_none_or(|wanted| key == Some(wanted.as_str()))
    }
}

impl Verb {
    /// Selects this call on this secret.
    pub fn of(self, key: impl Into<String>) -> Requests {
        Requests {
            route: Some(self.into()),
            key: Some(key.into()),
        }
    }
}

impl From<Verb> for Route {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Create => Self::Create,
            Verb::Read => Self::Read,
            Verb::Update => Self::Update,
            Verb::Put => Self::Put,
            Verb::Delete => Self::Delete,
        }
    }
}

impl From<Route> for Requests {
    fn from(route: Route) -> Self {
        Self {
            route: Some(route),
            key: None,
        }
    }
}

impl From<Verb> for Requests {
    fn from(verb: Verb) -> Self {
        Route::from(verb).into()
    }
}

const SECRETS: &str = "/api/v1/secrets";

impl Route {
    /// Returns the call of a request, and the key in its path.
    pub(super) fn of(method: &Method, path: &str) -> Option<(Self, Option<String>)> {
        let key = path
            .strip_prefix(SECRETS)
            .and_then(|rest| rest.strip_prefix('/'))
            .filter(|key| !key.is_empty() && !key.contains('/'));
        let route = match (method, path, key) {
            (&Method::POST, "/oauth/token", _) => Self::Token,
            (&Method::GET, "/api/v1/credentials/org-key", _) => Self::OrgKey,
            (&Method::GET, "/api/v1/credentials/private-key", _) => Self::PrivateKey,
            (&Method::GET, SECRETS, _) => Self::List,
            (&Method::POST, SECRETS, _) => Self::Create,
            (&Method::GET, _, Some(_)) => Self::Read,
            (&Method::PUT, _, Some(_)) => Self::Update,
            (&Method::POST, _, Some(_)) => Self::Put,
            (&Method::DELETE, _, Some(_)) => Self::Delete,
            _ => return None,
        };
        Some((route, key.map(str::to_owned)))
    }

    /// Returns whether the call changes a secret if it succeeds.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Put | Self::Delete)
    }
}
