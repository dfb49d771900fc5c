//! Takes everything from the environment, and says which of the named secrets can be read.
//!
//! In one terminal, start a vault; in another, paste the lines that it prints, then
//!
//!     HELVETISAFE_SECRET_KEYS=database_password,api_token cargo run --example env_config

use std::env;
use std::process::ExitCode;

use helvetisafe::{Client, Error, ErrorKind};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let client = Client::from_env()?;
    println!("connected; the org key is {}", client.org_key_fingerprint());
    let names = env::var("HELVETISAFE_SECRET_KEYS").unwrap_or_default();
    for name in names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        match client.secrets().get(name) {
            Ok(secret) => println!("{name}: {} bytes", secret.expose_secret().len()),
            Err(error) if error.kind() == ErrorKind::NotFound => println!("{name}: not there"),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
