//! A vault in memory. It stores and answers without a check of its own, but for what the tests need: order of the chain,
//! used tokens, and names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use helvetisafe::reexports::http::{Request, Response, StatusCode};
use helvetisafe::{Answer, AsyncTransport, Failure, Transport, TransportError};
use helvetisafe_crypto::organization::Entry;
use helvetisafe_proto::endpoint::OrgKeyAnswer;
use helvetisafe_proto::endpoint::organization::*;
use helvetisafe_proto::{Base64, ErrorBody, ErrorCode, Hex};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest;

pub(crate) const BOOTSTRAP: &str = "hs_bootstrap_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A vault; a clone shares it.
#[derive(Clone)]
pub(crate) struct FakeVault(Arc<Mutex<State>>);

/// A change before a call, which gets its method and path.
type Hook = Box<dyn FnMut(&mut State, &str) + Send>;

/// The state, which a hostile vault changes.
pub(crate) struct State {
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) chain: Vec<Base64>,
    pub(crate) invitations: Vec<InvitationRecord>,
    pub(crate) confirmed: Vec<InvitationRecord>,
    pub(crate) secrets: BTreeMap<String, (String, String)>,
    pub(crate) tokens: Vec<ApiTokenRecord>,
    pub(crate) audit: Vec<AuditRecord>,
    /// The answers to these calls are lost after their effect, once each.
    pub(crate) lost: Vec<String>,
    /// The entries of a page of the chain.
    pub(crate) page: usize,
    /// The number of the org key.
    pub(crate) epoch: u64,
    /// The org key is given without its number, and writes need none, as by the published service.
    pub(crate) hides_epoch: bool,
    /// Called before each call with its method and path.
    pub(crate) before: Option<Hook>,
    pub(crate) calls: Vec<String>,
    /// The id of each invitation for the invited person.
    pub(crate) shown_id: Option<InvitationId>,
    used_token: Option<Founding>,
    now: Timestamp,
}

pub(crate) struct Account {
    pub(crate) member: Member,
    pub(crate) secret_hash: Hex<32>,
    pub(crate) wrap: String,
}

type Outcome = Result<String, ErrorCode>;

impl FakeVault {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            organization: None,
            accounts: vec![],
            chain: vec![],
            invitations: vec![],
            confirmed: vec![],
            secrets: BTreeMap::new(),
            tokens: vec![],
            audit: vec![],
            lost: vec![],
            page: 2,
            epoch: 1,
            hides_epoch: false,
            before: None,
            calls: vec![],
            shown_id: None,
            used_token: None,
            now: "2026-11-29T12:00:00Z".parse().unwrap(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn answer(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let mut state = self.state();
        let call = format!("{} {}", request.method(), request.uri().path());
        state.calls.push(call.clone());
        if let Some(mut before) = state.before.take() {
            before(&mut state, &call);
            state.before.get_or_insert(before);
        }
        let outcome = state.serve(request, &call);
        if let Some(at) = state.lost.iter().position(|lost| *lost == call) {
            state.lost.remove(at);
            return Err(TransportError::new(Failure::Lost));
        }
        let mut response = Response::new(vec![]);
        *response.body_mut() = match outcome {
            Ok(body) => body.into_bytes(),
            Err(code) => {
                *response.status_mut() = code.status();
                let body = ErrorBody {
                    error: "refused".into(),
                    code: Some(code),
                    error_description: None,
                };
                serde_json::to_vec(&body).unwrap()
            }
        };
        assert_ne!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        Ok(response)
    }
}

impl Transport for FakeVault {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self.answer(request)
    }
}

impl AsyncTransport for FakeVault {
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        Box::pin(async move { self.answer(&request) })
    }
}

fn body<T: DeserializeOwned>(request: &Request<Vec<u8>>) -> T {
    serde_json::from_slice(request.body()).unwrap()
}

fn json(answer: impl Serialize) -> Outcome {
    Ok(serde_json::to_string(&answer).unwrap())
}

/// Returns the number of a query such as `from=3`.
fn number(request: &Request<Vec<u8>>) -> usize {
    let query = request.uri().query().unwrap();
    query.split_once('=').unwrap().1.parse().unwrap()
}

impl State {
    fn serve(&mut self, request: &Request<Vec<u8>>, call: &str) -> Outcome {
        let bearer = request.headers().get("authorization");
        let bearer = bearer.map_or("", |value| value.to_str().unwrap());
        let bearer = bearer.strip_prefix("Bearer ").unwrap_or(bearer);
        match call {
            "POST /oauth/token" => self.log_in(request),
            "POST /api/v1/organizations" => self.found(bearer, body(request)),
            "GET /api/v1/join" => json(self.terms(bearer)?),
            "GET /api/v1/join/chain" => {
                self.terms(bearer)?;
                json(self.chain_from(number(request)))
            }
            "POST /api/v1/join" => self.join(bearer, body(request)),
            _ => {
                let at = self.accounts.iter().position(|account| {
                    account.member.account == bearer
                        && account.member.status == MemberStatus::Active
                });
                let at = at.ok_or(ErrorCode::InvalidToken)?;
                self.serve_account(request, call, at)
            }
        }
    }

    fn serve_account(&mut self, request: &Request<Vec<u8>>, call: &str, at: usize) -> Outcome {
        let member = &self.accounts[at].member;
        match call {
            "GET /api/v1/credentials/org-key" => json(OrgKeyAnswer {
                encrypted_org_key: self.accounts[at].wrap.clone(),
                key_epoch: Some(self.epoch).filter(|_| !self.hides_epoch),
            }),
            "GET /api/v1/account" => json(AccountAnswer {
                organization: self.organization.unwrap(),
                key_epoch: 1,
                account: member.account.clone(),
                name: member.name.clone(),
                scopes: member.scopes.clone(),
                granted: member.scopes.clone(),
                has_chain: true,
            }),
            "GET /api/v1/organization/chain" => json(self.chain_from(number(request))),
            "GET /api/v1/organization/members" => json(MembersAnswer {
                members: self.accounts.iter().map(|it| it.member.clone()).collect(),
            }),
            "GET /api/v1/organization/invitations" => json(InvitationsAnswer {
                invitations: self.invitations.clone(),
            }),
            "POST /api/v1/organization/invitations" => {
                let invited_by = member.account.clone();
                self.invite(body(request), invited_by)
            }
            "POST /api/v1/organization/members" => self.confirm(body(request)),
            "POST /api/v1/organization/members/disable" => self.disable(body(request)),
            "GET /api/v1/account/tokens" => json(ApiTokensAnswer {
                tokens: self.tokens.clone(),
            }),
            "POST /api/v1/account/tokens" => {
                let new: NewApiToken = body(request);
                let record = ApiTokenRecord {
                    id: [self.tokens.len() as u8; 8].into(),
                    name: Some(new.name),
                    scopes: new.scopes,
                    created_at: Some(self.now),
                    expires_at: new.expires_at,
                };
                self.tokens.push(record.clone());
                json(record)
            }
            "GET /api/v1/organization/audit" => {
                let before = request.uri().query().map(|query| &query["before=".len()..]);
                let newer = |record: &&AuditRecord| {
                    before.is_some_and(|id| record.id.to_string().as_str() >= id)
                };
                let mut records = self.audit.iter().skip_while(newer);
                json(AuditAnswer {
                    records: records.by_ref().take(2).cloned().collect(),
                    has_more: records.next().is_some(),
                })
            }
            _ => self.serve_path(request, call),
        }
    }

    fn serve_path(&mut self, request: &Request<Vec<u8>>, call: &str) -> Outcome {
        if let Some(id) = call.strip_prefix("DELETE /api/v1/organization/invitations/") {
            let before = self.invitations.len();
            self.invitations
                .retain(|it| it.invitation.id.to_string() != id);
            return found(before != self.invitations.len());
        }
        if let Some(id) = call.strip_prefix("DELETE /api/v1/account/tokens/") {
            let before = self.tokens.len();
            self.tokens.retain(|it| it.id.to_string() != id);
            return found(before != self.tokens.len());
        }
        if let Some(key) = call.strip_prefix("GET /api/v1/secrets/") {
            let (value, nonce) = self.secrets.get(key).ok_or(ErrorCode::SecretNotFound)?;
            return json(serde_json::json!({"key": key, "value": value, "nonce": nonce}));
        }
        if call == "POST /api/v1/secrets" {
            let new: serde_json::Value = body(request);
            let epoch = new["keyEpoch"].as_u64();
            if epoch != Some(self.epoch) && !(self.hides_epoch && epoch.is_none()) {
                return Err(ErrorCode::KeyEpochMismatch);
            }
            let text = |name: &str| new[name].as_str().unwrap().to_owned();
            self.secrets
                .insert(text("key"), (text("value"), text("nonce")));
            return json(serde_json::json!({"key": text("key")}));
        }
        Err(ErrorCode::UnknownPath)
    }

    /// The access token is the client id.
    fn log_in(&mut self, request: &Request<Vec<u8>>) -> Outcome {
        let form = std::str::from_utf8(request.body()).unwrap();
        let field = |name: &str| {
            let mut fields = form.split('&').filter_map(|field| field.split_once('='));
            fields.find(|(key, _)| *key == name).unwrap().1
        };
        let hash: [u8; 32] = sha2::Sha256::digest(field("client_secret")).into();
        let mut accounts = self.accounts.iter();
        let known = accounts.any(|it| {
            it.member.account == field("client_id")
                && it.secret_hash.to_bytes() == hash
                && it.member.status == MemberStatus::Active
        });
        known.then_some(()).ok_or(ErrorCode::InvalidToken)?;
        json(serde_json::json!({"access_token": field("client_id"), "token_type": "Bearer"}))
    }

    fn found(&mut self, bearer: &str, founding: Founding) -> Outcome {
        if self.used_token.as_ref() == Some(&founding) {
            return json(Done {});
        }
        if bearer != BOOTSTRAP || self.used_token.is_some() {
            return Err(ErrorCode::InvalidBootstrap);
        }
        self.used_token = Some(founding.clone());
        self.organization = Some(founding.organization);
        self.chain.push(founding.genesis);
        self.accounts.push(Account {
            member: Member {
                account: founding.account,
                name: Some(founding.name),
                scopes: founding.scopes,
                status: MemberStatus::Active,
                public_key: Some(founding.public_key),
                verification_key: Some(founding.verification_key),
                created_at: self.now,
                disabled_at: None,
            },
            secret_hash: founding.client_secret_hash,
            wrap: founding.encrypted_org_key,
        });
        json(Done {})
    }

    fn chain_from(&self, from: usize) -> ChainAnswer {
        let entries = self.chain.iter().skip(from);
        ChainAnswer {
            entries: entries.clone().take(self.page).cloned().collect(),
            has_more: entries.count() > self.page,
        }
    }

    fn invite(&mut self, invitation: NewInvitation, invited_by: String) -> Outcome {
        if self
            .invitations
            .iter()
            .any(|it| it.invitation == invitation)
        {
            return json(Done {});
        }
        if self
            .invitations
            .iter()
            .any(|it| it.invitation.name == invitation.name)
        {
            return Err(ErrorCode::NameTaken);
        }
        self.invitations.push(InvitationRecord {
            invitation,
            invited_by,
            created_at: self.now,
            request: None,
        });
        json(Done {})
    }

    /// The token's hash is the id.
    fn invited(&mut self, bearer: &str) -> Result<&mut InvitationRecord, ErrorCode> {
        use base64ct::{Base64UrlUnpadded, Encoding};
        let token =
            Base64UrlUnpadded::decode_vec(bearer).map_err(|_| ErrorCode::InvalidInvitation)?;
        let id: [u8; 32] = sha2::Sha256::digest(token).into();
        let mut all = self.invitations.iter_mut().chain(&mut self.confirmed);
        let found = all.find(|it| it.invitation.id.to_bytes() == id);
        found.ok_or(ErrorCode::InvalidInvitation)
    }

    fn terms(&mut self, bearer: &str) -> Result<InvitationTerms, ErrorCode> {
        let organization = self.organization.unwrap();
        let confirmed: Vec<_> = self.confirmed.iter().map(|it| it.invitation.id).collect();
        let shown_id = self.shown_id;
        let record = self.invited(bearer)?;
        let status = match &record.request {
            _ if confirmed.contains(&record.invitation.id) => InvitationStatus::Confirmed,
            Some(_) => InvitationStatus::Joined,
            None => InvitationStatus::Pending,
        };
        Ok(InvitationTerms {
            organization,
            id: shown_id.unwrap_or(record.invitation.id),
            name: record.invitation.name.clone(),
            scopes: record.invitation.scopes.clone(),
            expires_at: record.invitation.expires_at,
            status,
        })
    }

    fn join(&mut self, bearer: &str, request: JoinBody) -> Outcome {
        let record = self.invited(bearer)?;
        match &record.request {
            Some(earlier) if *earlier != request => return Err(ErrorCode::IdTaken),
            _ => record.request = Some(request),
        }
        json(Done {})
    }

    /// Appends entries, if the first one is the next.
    pub(crate) fn append(&mut self, entries: Vec<Base64>) -> Result<(), ErrorCode> {
        let first = Entry::from_bytes(&entries[0].0).unwrap();
        if first.head().sequence != self.chain.len() as u64 {
            return Err(ErrorCode::ChainMoved);
        }
        self.chain.extend(entries);
        Ok(())
    }

    fn confirm(&mut self, confirmation: Confirmation) -> Outcome {
        let id = confirmation.invitation;
        if self.confirmed.iter().any(|it| it.invitation.id == id) {
            return json(Done {});
        }
        let mut open = self.invitations.iter();
        let at = open.position(|it| it.invitation.id == id);
        let at = at.ok_or(ErrorCode::RecordNotFound)?;
        self.append(confirmation.entries)?;
        let record = self.invitations.remove(at);
        let request = record.request.clone().unwrap();
        self.accounts.push(Account {
            member: Member {
                account: request.account,
                name: Some(record.invitation.name.clone()),
                scopes: record.invitation.scopes.clone(),
                status: MemberStatus::Active,
                public_key: Some(request.public_key),
                verification_key: request.verification_key,
                created_at: self.now,
                disabled_at: None,
            },
            secret_hash: request.client_secret_hash,
            wrap: confirmation.encrypted_org_key,
        });
        self.confirmed.push(record);
        json(Done {})
    }

    fn disable(&mut self, disabling: Disabling) -> Outcome {
        self.append(vec![disabling.entry])?;
        self.account(&disabling.account).member.status = MemberStatus::Disabled;
        json(Done {})
    }

    pub(crate) fn account(&mut self, client_id: &str) -> &mut Account {
        let mut accounts = self.accounts.iter_mut();
        accounts.find(|it| it.member.account == client_id).unwrap()
    }
}

fn found(is_found: bool) -> Outcome {
    is_found.then_some(()).ok_or(ErrorCode::RecordNotFound)?;
    json(Done {})
}
