use serde_json::Value;

use crate::document::Operation;
use crate::random::Random;

/// The knowledge of the sender: its own account, and names to guess.
pub(super) struct Known {
    pub(super) api_token: String,
    pub(super) access_token: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) names: Vec<&'static str>,
}

type Header = (Vec<u8>, Vec<u8>);

/// A request before it is turned into bytes.
pub(super) struct Draft {
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    pub(super) version: &'static str,
    pub(super) headers: Vec<Header>,
    pub(super) body: Vec<u8>,
    pub(super) framing: Framing,
    /// The number of bytes that are changed at random.
    pub(super) flips: usize,
    /// True if the request is still for its original operation.
    is_for_operation: bool,
}

/// The framing of the body.
pub(super) enum Framing {
    Length,
    Chunked,
    Raw(Vec<u8>),
}

impl Draft {
    /// Makes a valid request.
    pub(super) fn valid(operation: Operation<'_>, known: &Known, random: &mut Random) -> Self {
        let key = random.pick(&known.names);
        let mut draft = Self {
            method: operation.method.into(),
            target: operation.path_for(key).into(),
            version: "HTTP/1.1",
            headers: Vec::new(),
            body: Vec::new(),
            framing: Framing::Length,
            flips: 0,
            is_for_operation: true,
        };
        draft.header("host", "127.0.0.1");
        if let Some(body) = operation.body_for(key) {
            draft.json(&body);
        } else if operation.path == "/oauth/token" {
            draft.form(known);
        }
        if operation.scope().is_some() {
            draft.credential(known, random);
        }
        draft
    }

    fn json(&mut self, body: &Value) {
        self.header("content-type", "application/json");
        self.body = body.to_string().into_bytes();
    }

    fn form(&mut self, known: &Known) {
        self.header("content-type", "application/x-www-form-urlencoded");
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            known.client_id, known.client_secret
        );
        self.body = form.into_bytes();
    }

    fn credential(&mut self, known: &Known, random: &mut Random) {
        let (name, value) = match random.below(3) {
            0 => ("authorization", format!("Bearer {}", known.access_token)),
            1 => ("authorization", format!("Bearer {}", known.api_token)),
            _ => ("x-aegis-token", known.api_token.clone()),
        };
        self.header(name, &value);
    }

    pub(super) fn header(&mut self, name: &str, value: &str) {
        self.headers.push((name.into(), value.into()));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name.as_bytes()));
    }

    /// Marks the request as one that may be for another operation.
    pub(super) fn change_operation(&mut self) {
        self.is_for_operation = false;
    }

    /// Returns true if the answer must be documented for the operation.
    pub(super) fn is_call(&self) -> bool {
        self.is_for_operation && self.flips == 0
    }

    /// Returns true if the request is complete, so that the vault must answer it.
    pub(super) fn is_whole(&self) -> bool {
        let is_framed = !matches!(self.framing, Framing::Raw(_));
        self.flips == 0 && is_framed && self.version == "HTTP/1.1"
    }

    pub(super) fn bytes(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = [&self.method[..], b" ", &self.target, b" "].concat();
        bytes.extend_from_slice(self.version.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        for (name, value) in &self.headers {
            bytes.extend([&name[..], b": ", value, b"\r\n"].concat());
        }
        bytes.extend(self.framed_body(random));
        for _ in 0..self.flips {
            let place = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[place] = random.bytes(1)[0],
                1 => bytes.insert(place, random.bytes(1)[0]),
                _ => drop(bytes.remove(place)),
            }
        }
        bytes
    }

    fn framed_body(&self, random: &mut Random) -> Vec<u8> {
        let length = self.body.len();
        match &self.framing {
            Framing::Length if self.body.is_empty() => b"\r\n".to_vec(),
            Framing::Length => [
                format!("content-length: {length}\r\n\r\n").as_bytes(),
                &self.body,
            ]
            .concat(),
            Framing::Raw(said) => [&said[..], b"\r\n", &self.body].concat(),
            Framing::Chunked => {
                let mut bytes = b"transfer-encoding: chunked\r\n\r\n".to_vec();
                for chunk in self.body.chunks(1 + random.below(length + 1)) {
                    bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    bytes.extend([chunk, b"\r\n"].concat());
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
                bytes
            }
        }
    }
}
