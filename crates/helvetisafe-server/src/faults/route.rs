//! Selects the requests of a rule.

use axum::http::Method;
use helvetisafe_proto::Endpoint;
use helvetisafe_proto::endpoint::organization::{
    BeginRotation, CommitRotation, Confirm, Disable, FoundOrganization, GetAccount, GetChain,
    GetInvitation, GetJoinChain, GetRotation, Invite, Join, ListInvitations, ListMembers,
    ListUnstaged, StageSecrets,
};
use helvetisafe_proto::endpoint::{
    CreateSecret, DeleteSecret, FetchToken, GetOrgKey, GetPrivateKey, GetSecret, ListSecrets,
    UpdateSecret,
};

/// One of the service's calls, or of those that administer an organization.
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
    /// `POST /api/v1/organizations`
    Found,
    /// `GET /api/v1/account`
    Account,
    /// `GET /api/v1/organization/chain`
    Chain,
    /// `GET /api/v1/organization/members`
    Members,
    /// `POST /api/v1/organization/members`
    Confirm,
    /// `POST /api/v1/organization/members/disable`
    Disable,
    /// `GET /api/v1/organization/invitations`
    Invitations,
    /// `POST /api/v1/organization/invitations`
    Invite,
    /// `GET /api/v1/join`
    Invitation,
    /// `POST /api/v1/join`
    Join,
    /// `GET /api/v1/join/chain`
    JoinChain,
    /// `GET /api/v1/organization/rotations`
    Rotation,
    /// `POST /api/v1/organization/rotations`
    BeginRotation,
    /// `GET /api/v1/organization/rotations/{id}/secrets`
    Unstaged,
    /// `POST /api/v1/organization/rotations/{id}/secrets`
    Stage,
    /// `POST /api/v1/organization/rotations/{id}/commit`
    CommitRotation,
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
        Self::new(None, None)
    }

    /// Selects every request that creates, reads, writes or deletes this secret.
    pub fn about(key: impl Into<String>) -> Self {
        Self::new(None, Some(key.into()))
    }

    pub(super) fn new(route: Option<Route>, key: Option<String>) -> Self {
        Self { route, key }
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
        Requests::new(Some(self.into()), Some(key.into()))
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
        Self::new(Some(route), None)
    }
}

impl From<Verb> for Requests {
    fn from(verb: Verb) -> Self {
        Route::from(verb).into()
    }
}

/// The name of each call in rules, its method and its path.
static CALLS: [(Route, &str, Method, &str); 25] = [
    call::<FetchToken>(Route::Token, "token"),
    call::<GetOrgKey>(Route::OrgKey, "org-key"),
    call::<GetPrivateKey>(Route::PrivateKey, "private-key"),
    call::<ListSecrets>(Route::List, "list"),
    call::<CreateSecret>(Route::Create, "create"),
    call::<GetSecret>(Route::Read, "read"),
    call::<UpdateSecret>(Route::Update, "update"),
    (Route::Put, "put", Method::POST, UpdateSecret::PATH),
    call::<DeleteSecret>(Route::Delete, "delete"),
    call::<FoundOrganization>(Route::Found, "found"),
    call::<GetAccount>(Route::Account, "account"),
    call::<GetChain>(Route::Chain, "chain"),
    call::<ListMembers>(Route::Members, "members"),
    call::<Confirm>(Route::Confirm, "confirm"),
    call::<Disable>(Route::Disable, "disable"),
    call::<ListInvitations>(Route::Invitations, "invitations"),
    call::<Invite>(Route::Invite, "invite"),
    call::<GetInvitation>(Route::Invitation, "invitation"),
    call::<Join>(Route::Join, "join"),
    call::<GetJoinChain>(Route::JoinChain, "join-chain"),
    call::<GetRotation>(Route::Rotation, "rotation"),
    call::<BeginRotation>(Route::BeginRotation, "begin-rotation"),
    call::<ListUnstaged>(Route::Unstaged, "unstaged"),
    call::<StageSecrets>(Route::Stage, "stage"),
    call::<CommitRotation>(Route::CommitRotation, "commit-rotation"),
];

const fn call<E: Endpoint>(
    route: Route,
    name: &'static str,
) -> (Route, &'static str, Method, &'static str) {
    (route, name, E::METHOD, E::PATH)
}

impl Route {
    /// Returns the call of a request, and the key in its path.
    pub(super) fn of(method: &Method, path: &str) -> Option<(Self, Option<String>)> {
        CALLS.iter().find_map(|(route, _, its_method, its_path)| {
            let parameter = parameter(its_path, path)?;
            // That of an organization's call is no secret.
            let key = parameter.filter(|_| route.has_key());
            (method == its_method).then(|| (*route, key.map(str::to_owned)))
        })
    }

    /// Returns the call with this name in rules.
    pub(super) fn named(name: &str) -> Option<Self> {
        let call = CALLS.iter().find(|(_, its_name, ..)| *its_name == name);
        call.map(|(route, ..)| *route)
    }

    /// Returns true if the vault records its answers, for a replay.
    pub(super) fn is_recorded(self) -> bool {
        matches!(
            self,
            Self::OrgKey | Self::Account | Self::Chain | Self::Members | Self::Invitations
        )
    }

    /// Returns true if a request of the call names one secret.
    pub(super) fn has_key(self) -> bool {
        self.is_write() || self == Self::Read
    }

    /// Returns true if the call changes a secret if it succeeds.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Put | Self::Delete)
    }
}

/// Returns the segment in the place of the parameter, if there is one; `None` if the path does not fit.
fn parameter<'p>(pattern: &str, path: &'p str) -> Option<Option<&'p str>> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (path == pattern).then_some(None);
    };
    let (_, after) = rest.split_once('}')?;
    let segment = path.strip_prefix(before)?.strip_suffix(after)?;
    is_segment(segment).then_some(Some(segment))
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}
