//! The checks of the settings, and the parts of a client made from them. Nothing is sent.

use std::sync::Arc;

use helvetisafe_proto::auth::{ApiTokenHeader, Token};
use helvetisafe_proto::{BaseUrl, InvalidBaseUrl, ScopeList};
#[cfg(feature = "organization")]
use helvetisafe_proto::{Scope, Scopes};
use http::header;
use http::{HeaderMap, HeaderName};

use super::{ClientBuilder, WithAccount};
use crate::api::{Api, Failover, Paging, Throttle};
use crate::auth::{ApiToken, Auth, ServiceAccount};
use crate::config_error::ConfigError;
use crate::credentials::{Authentication, Credentials};
use crate::error::Error;
use crate::http::{Addresses, ConnectionSettings};
use crate::limits::Timeouts;
use crate::runtime::{Notify, Runtime};
use crate::vault::Config;

impl<P> ClientBuilder<P> {
    /// Checks the settings, and makes the parts of a client with an account.
    pub(crate) fn config<R: Runtime>(
        self,
        runtime: impl FnOnce(
            P,
            &Addresses<'_>,
            &Timeouts,
            &ConnectionSettings,
        ) -> Result<R, ConfigError>,
    ) -> Result<Config<R>, Error> {
        let login = |account: WithAccount, scopes, header| {
            account.credentials.0.check()?;
            let local_key = account.key_source.local_key()?;
            Ok((auth(account.credentials, scopes, header)?, local_key))
        };
        self.prepare(login, runtime)
    }
}

impl<P, A> ClientBuilder<P, A> {
    /// Checks the settings, and makes the parts of a client. `login` makes the authentication, and returns the account's key.
    fn prepare<R: Runtime, K>(
        self,
        login: impl FnOnce(A, ScopeList, Option<ApiTokenHeader>) -> Result<(Auth<R::Notify>, K), Error>,
        runtime: impl FnOnce(
            P,
            &Addresses<'_>,
            &Timeouts,
            &ConnectionSettings,
        ) -> Result<R, ConfigError>,
    ) -> Result<Config<R, K>, Error> {
        let base = self.parse_url(&self.base_url).map_err(Error::config)?;
        let further = self.further().map_err(Error::config)?;
        let scopes = ScopeList::parse(self.scopes).map_err(Error::config)?;
        check_headers(&self.headers).map_err(Error::config)?;
        let (auth, local_key) = login(self.account, scopes, self.api_token_header)?;
        let timeouts = self.timeouts.bounded();
        let addresses = Addresses {
            first: &base,
            further: &further,
        };
        let runtime =
            runtime(self.parts, &addresses, &timeouts, &self.connections).map_err(Error::config)?;
        let api = Api {
            base,
            failover: Failover::new(further),
            runtime,
            auth,
            observer: self.observer,
            policy: self.policy,
            timeouts,
            limits: self.limits,
            throttle: Throttle::default(),
            paging: Paging::default(),
            headers: self.headers,
        };
        Ok(Config {
            api,
            local_key,
            org_key_policy: self.org_key_policy,
            binding: self.binding,
            cache: self.cache,
            ticket: self.ticket,
            compares_org_key: self.compares_org_key,
            prefetch: self.prefetch,
            concurrency: self.concurrency.get(),
        })
    }

    /// Returns the API for calls without an account, or with the one that these credentials will have.
    #[cfg(feature = "organization")]
    pub(crate) fn visit<R: Runtime>(
        self,
        credentials: Option<Credentials>,
        runtime: impl FnOnce(
            P,
            &Addresses<'_>,
            &Timeouts,
            &ConnectionSettings,
        ) -> Result<R, ConfigError>,
    ) -> Result<Arc<Api<R>>, Error> {
        let login = |_, _, header| {
            let Some(credentials) = credentials else {
                return Ok((Auth::None, ()));
            };
            credentials.0.check()?;
            let scopes = Scopes::from(Scope::CredentialsRead).into();
            Ok((auth(credentials, scopes, header)?, ()))
        };
        Ok(Arc::new(self.prepare(login, runtime)?.api))
    }

    fn further(&self) -> Result<Vec<BaseUrl>, ConfigError> {
        let numbered = (1..).zip(&self.further_urls);
        let parsed = numbered.map(|(number, url)| {
            let url = self.parse_url(url);
            url.map_err(|reason| ConfigError::FailoverUrl { number, reason })
        });
        parsed.collect()
    }

    pub(super) fn parse_url(&self, url: &str) -> Result<BaseUrl, InvalidBaseUrl> {
        match &self.plain_http_host {
            Some(host) => BaseUrl::parse_with_plain_http(url, host),
            None => BaseUrl::parse(url),
        }
    }
}

/// The headers that the client or its transport sets.
const OWN_HEADERS: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("x-aegis-token"),
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::EXPECT,
];

fn check_headers(headers: &HeaderMap) -> Result<(), ConfigError> {
    match OWN_HEADERS.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => Err(ConfigError::OwnHeader(name.clone())),
        None => Ok(()),
    }
}

fn auth<N: Notify>(
    credentials: Credentials,
    scopes: ScopeList,
    header: Option<ApiTokenHeader>,
) -> Result<Auth<N>, Error> {
    match credentials.0 {
        Authentication::ServiceAccount {
            client_id,
            client_secret,
        } => Ok(Auth::ServiceAccount(Arc::new(ServiceAccount::new(
            client_id,
            client_secret,
            scopes,
        )))),
        Authentication::ApiToken(token) => {
            let token = Token::parse(token)
                .map_err(|_| Error::config(ConfigError::NotAHeader("the API token")))?;
            Ok(Auth::ApiToken(ApiToken::new(&token, header)))
        }
    }
}
