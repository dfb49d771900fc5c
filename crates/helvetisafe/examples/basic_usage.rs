//! Creates, reads, updates, lists and deletes a secret in the vault that the environment names.
//!
//! Start a vault with `cargo run -p helvetisafe-server -- dev`, paste the lines that it prints into another
//! terminal, and there:
//!
//!     cargo run --example basic_usage
//!
//! The Cargo.toml of a program like this one, without which its cryptography is slow in debug builds:
//!
//!     [dependencies]
//!     helvetisafe = { path = "../helvetisafe-rust/crates/helvetisafe" }
//!
//!     [profile.dev.package]
//!     aes-gcm.opt-level = 3
//!     argon2.opt-level = 3
//!     helvetisafe-crypto.opt-level = 3

use std::time::Duration;

use helvetisafe::{Client, Error, ErrorKind};

const KEY: &str = "basic_usage_password";

fn main() -> Result<(), Error> {
    let client = Client::from_env()?;
    let secrets = client.secrets();

    let thirty_days = Duration::from_secs(30 * 24 * 60 * 60);
    secrets.create(KEY, "s3cr3t-v@lue", thirty_days)?;
    println!("created {KEY}, which expires in 30 days");

    println!("read    {} bytes", secrets.get(KEY)?.expose_secret().len());

    secrets.update(KEY, "n3w-v@lue", None)?;
    println!("updated {KEY}");

    for listed in secrets.list()? {
        println!(
            "listed  {} (expires {:?})",
            listed.key(),
            listed.expires_at()
        );
    }

    secrets.delete(KEY)?;
    match secrets.get(KEY) {
        Err(error) if error.kind() == ErrorKind::NotFound => println!("deleted {KEY}"),
        Err(error) => return Err(error),
        Ok(_) => println!("another program created {KEY} again"),
    }
    Ok(())
}
