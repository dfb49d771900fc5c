//! Our client behind a line protocol, which `peer.py` implements too.
//!
//! The first line of input is the output of the vault. Each further line is a request, such as
//! `{"op": "get", "route": "http", "organization": "sizes", "key": "value_64", "samples": 100, "calls": 1}`. The answer is
//! `{"ns": […]}`, the time of one call for each sample.

use std::hint::black_box;
use std::io::stdin;
use std::time::Instant;

use serde_json::{Value, json};

use crate::network::Network;
use crate::{envelopes, keys};

pub(crate) fn answer() {
    let mut lines = stdin().lines().map(|line| line.unwrap());
    let mut network = Network::new(serde_json::from_str(&lines.next().unwrap()).unwrap());
    for line in lines {
        let request = Request(serde_json::from_str(&line).unwrap());
        let ns = match request.text("op") {
            "seal" | "open" | "read" | "bare_seal" | "bare_open" => envelopes::measure(&request),
            "unlock" | "unwrap" | "load_pem" => keys::measure(&request),
            _ => network.measure(&request),
        };
        println!("{}", json!({ "ns": ns }));
    }
}

pub(crate) struct Request(Value);

impl Request {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    pub(crate) fn number(&self, name: &str) -> usize {
        self.0[name].as_u64().unwrap().try_into().unwrap()
    }

    /// Measures the time of one call in ns, for each sample.
    pub(crate) fn times<T>(&self, mut call: impl FnMut() -> T) -> Vec<f64> {
        let calls = self.number("calls");
        let sample = |_| {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(call());
            }
            start.elapsed().as_nanos() as f64 / calls as f64
        };
        (0..self.number("samples")).map(sample).collect()
    }
}
