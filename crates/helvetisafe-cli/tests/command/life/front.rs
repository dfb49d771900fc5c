//! A load balancer that records every exchange.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use helvetisafe_test_support::Request;
use helvetisafe_test_support::server::{End, Reply, serve};

/// The address of the vault. It sends each request to the next node, also those of one connection.
pub(super) struct Front {
    address: SocketAddr,
    nodes: Arc<Mutex<Vec<SocketAddr>>>,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

/// A request and its answer.
#[derive(Clone)]
pub(super) struct Exchange {
    pub(super) request: Request,
    pub(super) answer: Vec<u8>,
}

impl Front {
    pub(super) fn start() -> Self {
        let nodes = Arc::<Mutex<Vec<SocketAddr>>>::default();
        let exchanges = Arc::<Mutex<Vec<Exchange>>>::default();
        let (of_nodes, record) = (Arc::clone(&nodes), Arc::clone(&exchanges));
        let address = serve(move |request| {
            let node = {
                let mut nodes = of_nodes.lock().unwrap();
                nodes.rotate_left(1);
                nodes[0]
            };
            let answer = request.forward(node);
            record.lock().unwrap().push(Exchange {
                request: request.clone(),
                answer: answer.clone(),
            });
            Reply::new(answer, End::KeepOpen)
        });
        Self {
            address,
            nodes,
            exchanges,
        }
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn add(&self, node: SocketAddr) {
        self.nodes.lock().unwrap().push(node);
    }

    /// Returns all exchanges so far.
    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }
}

impl Exchange {
    /// Returns all bytes of the exchange.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Request {
            method,
            path,
            headers,
            body,
            ..
        } = &self.request;
        let head = format!("{method} {path} HTTP/1.1\r\n{headers}\r\n");
        [head.as_bytes(), body, &[0xff; 8], &self.answer].concat()
    }

    /// Returns all bytes but those in which a credential has to be: the header of the credential, and the request for an
    /// access token with its answer.
    pub(super) fn bytes_without_credentials(&self) -> Vec<u8> {
        if self.request.is("POST", "/oauth/token") {
            return Vec::new();
        }
        let is_credential = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default();
            ["authorization", "x-aegis-token"].contains(&name.to_ascii_lowercase().as_str())
        };
        let headers = self.request.headers.lines();
        let mut others = self.clone();
        others.request.headers = headers
            .filter(|line| !is_credential(line))
            .flat_map(|line| [line, "\r\n"])
            .collect();
        others.bytes()
    }
}
