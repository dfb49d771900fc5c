//! Operations that send requests to the vault.

use std::collections::HashMap;
use std::fs;

use helvetisafe::{Client, Credentials, KeySource};
use serde_json::Value;

use crate::ours::Request;

pub(crate) struct Network {
    world: Value,
    clients: HashMap<String, Client>,
    bare: ureq::Agent,
    tokens: HashMap<String, String>,
}

impl Network {
    pub(crate) fn new(world: Value) -> Self {
        Self {
            world,
            clients: HashMap::new(),
            bare: ureq::Agent::new_with_defaults(),
            tokens: HashMap::new(),
        }
    }

    pub(crate) fn measure(&mut self, request: &Request) -> Vec<f64> {
        let organization = request.text("organization");
        if request.text("op") == "bare_get" {
            return self.bare_get(organization, request);
        }
        let secrets = self.client(request.text("route"), organization).secrets();
        match request.text("op") {
            "get" => {
                let key = request.text("key");
                request.times(|| secrets.get(key).unwrap())
            }
            "get_many" => {
                let number = request.number("number");
                let keys: Vec<_> = (0..number).map(|at| format!("value_{at}")).collect();
                request.times(|| {
                    let read = secrets.get_many(&keys);
                    assert!(read.iter().all(Result::is_ok));
                    read
                })
            }
            "list" => request.times(|| {
                let listed = secrets.list().unwrap();
                assert_eq!(listed.len(), request.number("number"));
                listed
            }),
            unknown => unreachable!("compare.py does not send {unknown}"),
        }
    }

    /// Fetches the same body with the same kind of token, without decryption and without timeouts.
    fn bare_get(&mut self, organization: &str, request: &Request) -> Vec<f64> {
        let base_url = self.base_url(request.text("route"));
        let url = format!("{base_url}/api/v1/secrets/{}", request.text("key"));
        let authorization = self.bare_token(organization);
        request.times(|| {
            let get = self.bare.get(&url).header("Authorization", &authorization);
            get.call().unwrap().body_mut().read_to_vec().unwrap()
        })
    }

    fn bare_token(&mut self, organization: &str) -> String {
        if let Some(token) = self.tokens.get(organization) {
            return token.clone();
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.credential(organization, "client_id")),
            (
                "client_secret",
                self.credential(organization, "client_secret"),
            ),
        ];
        let url = format!("{}/oauth/token", self.base_url("http"));
        let mut answer = self.bare.post(&url).send_form(form).unwrap();
        let answer: Value =
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        let token = format!("Bearer {}", answer["access_token"].as_str().unwrap());
        self.tokens.insert(organization.to_owned(), token.clone());
        token
    }

    fn client(&mut self, route: &str, organization: &str) -> &Client {
        let name = format!("{route} {organization}");
        if !self.clients.contains_key(&name) {
            let credential = |name| self.credential(organization, name).to_owned();
            let client = Client::builder(
                self.base_url(route),
                Credentials::service_account(credential("client_id"), credential("client_secret")),
                KeySource::pem_file(self.world["private_key_path"].as_str().unwrap()),
            );
            let authority = fs::read(self.world["authority_path"].as_str().unwrap()).unwrap();
            let client = client.ca_certificate(authority).connect().unwrap();
            self.clients.insert(name.clone(), client);
        }
        &self.clients[&name]
    }

    fn base_url(&self, route: &str) -> &str {
        self.world["base_urls"][route].as_str().unwrap()
    }

    fn credential(&self, organization: &str, name: &str) -> &str {
        self.world["organizations"][organization][name]
            .as_str()
            .unwrap()
    }
}
