//! Creates, reads, updates, lists and deletes secrets in a real vault in this process, and shows the
//! ciphertext that the vault stores.
//!
//!     cargo run --example quickstart

use std::time::Duration;

use helvetisafe::{Client, Credentials, ErrorKind, Expiry, KeySource};
use helvetisafe_server::{NewAccount, Organization, Vault};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("Starting a vault in this process, and making an account in it ...");
    let vault = Vault::ephemeral()?;
    let organization = vault.new_organization()?;
    let account = vault.new_account(&organization, NewAccount::default())?;

    println!("Connecting over HTTP to {} ...\n", vault.base_url());
    let client = Client::builder(
        vault.base_url(),
        Credentials::service_account(account.client_id, account.client_secret),
        KeySource::pem(account.private_key_pem.as_bytes()),
    )
    .connect()?;
    let secrets = client.secrets();

    println!("create  database_password and api_token (the latter expires in 30 days)");
    let thirty_days = Duration::from_secs(30 * 24 * 60 * 60);
    secrets.create("database_password", "s3cr3t-v@lue", None)?;
    secrets.create("api_token", "Grüezi mitenand", thirty_days)?;
    show(&client, &vault, &organization)?;

    println!("update  database_password");
    secrets.update("database_password", "n3w-v@lue", Expiry::Keep)?;
    show(&client, &vault, &organization)?;

    println!("list    (names and dates, no values)");
    for listed in secrets.list()? {
        let expiry = listed
            .expires_at()
            .map_or("never".to_owned(), |at| at.to_string());
        println!("        {:<18} expires {expiry}", listed.key());
    }

    println!("\ndelete  database_password");
    secrets.delete("database_password")?;
    match secrets.get("database_password") {
        Err(error) if error.kind() == ErrorKind::NotFound => println!("        {error}\n"),
        outcome => return Err(format!("it should be gone: {outcome:?}").into()),
    }

    println!("The key that opens the secrets never left this process.");
    println!("Its fingerprint is {}.", client.org_key_fingerprint());
    Ok(())
}

/// Prints the value that the application sees beside the ciphertext that the vault stores.
fn show(
    client: &Client,
    vault: &Vault,
    organization: &Organization,
) -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "        {:<18} | {:<15} | the vault stores",
        "name", "you see"
    );
    for stored in vault.stored_secrets(organization)? {
        let secret = client.secrets().get(&stored.key)?;
        let start: String = stored.value.chars().take(32).collect();
        println!(
            "        {:<18} | {:<15} | {start}...",
            stored.key,
            secret.expose_secret()
        );
    }
    println!();
    Ok(())
}
