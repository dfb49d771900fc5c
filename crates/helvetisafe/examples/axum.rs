//! A web service that uses a secret: it gives what is posted to it back with a tag that only the
//! holder of the secret `tag_key` can make. The secret may change while the service runs.
//!
//! In one terminal, start a vault; in another, paste the lines that it prints, then
//!
//!     printf %s 'some key' | helvetisafe set tag_key
//!     cargo run --example axum --features async
//!     curl --data hello http://127.0.0.1:PORT/tag

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use helvetisafe::{AsyncClient, CachePolicy, Error, ErrorKind};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A value is fresh for half a minute. If the vault does not answer, it is used for an hour more.
    let policy = CachePolicy {
        stale_for: Duration::from_secs(3600),
        ..CachePolicy::new(Duration::from_secs(30))
    };
    let client = AsyncClient::builder_from_env()?
        .cache(policy)
        .connect()
        .await?;
    let service = Router::new()
        .route("/tag", post(tag))
        .route("/health", get(health))
        .with_state(client);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, service).await?)
}

async fn tag(State(client): State<AsyncClient>, text: String) -> Result<String, StatusCode> {
    let key = client.secrets().get("tag_key").await.map_err(status)?;
    Ok(format!(
        "{:016x} {text}",
        checksum(key.expose_secret(), &text)
    ))
}

async fn health(State(client): State<AsyncClient>) -> Result<&'static str, StatusCode> {
    client.secrets().exists("tag_key").await.map_err(status)?;
    Ok("the vault answers")
}

/// Returns the status for the users of the service, and prints the error for its operators.
fn status(error: Error) -> StatusCode {
    eprintln!("{error}");
    match error.kind() {
        ErrorKind::RateLimited | ErrorKind::Transport => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Stands for a message authentication code, which a real service would take from a library.
fn checksum(key: &str, text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (key, text).hash(&mut hasher);
    hasher.finish()
}
