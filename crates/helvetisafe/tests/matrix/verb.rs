//! The calls and the two authentications.

use crate::document::Column;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    List,
    OrgKey,
    PrivateKey,
    Token,
    Update,
    Put,
    Delete,
    Create,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum By {
    ServiceAccount,
    ApiToken,
}

impl Verb {
    pub(crate) const ALL: [Self; 9] = [
        Self::Get,
        Self::List,
        Self::OrgKey,
        Self::PrivateKey,
        Self::Token,
        Self::Update,
        Self::Put,
        Self::Delete,
        Self::Create,
    ];

    pub(crate) fn column(self) -> Column {
        match self {
            Self::Get | Self::List | Self::OrgKey | Self::PrivateKey => Column::Read,
            Self::Token => Column::Token,
            Self::Update | Self::Put | Self::Delete => Column::Write,
            Self::Create => Column::Create,
        }
    }

    /// The method and path of the call for the secret `name`.
    pub(crate) fn line(self, name: &str) -> (&'static str, String) {
        let secret = format!("/api/v1/secrets/{name}");
        match self {
            Self::Get => ("GET", secret),
            Self::List => ("GET", "/api/v1/secrets".to_owned()),
            Self::OrgKey => ("GET", "/api/v1/credentials/org-key".to_owned()),
            Self::PrivateKey => ("GET", "/api/v1/credentials/private-key".to_owned()),
            Self::Token => ("POST", "/oauth/token".to_owned()),
            Self::Update | Self::Put => ("PUT", secret),
            Self::Delete => ("DELETE", secret),
            Self::Create => ("POST", "/api/v1/secrets".to_owned()),
        }
    }
}
