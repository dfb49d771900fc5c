//! The page in a recovery kit, for a person who finds it years later.

use helvetisafe::organization::{AccountKeys, SigningKey};
use helvetisafe::{Fingerprint, Timestamp};

use crate::advice;
use crate::commands::account_folder::{CLIENT_SECRET, PRIVATE_KEY, Plan, SIGNING_KEY};

/// The name of the page.
pub(super) const README: &str = "README.txt";

/// Returns the page. It has no secret.
pub(super) fn text(
    plan: &Plan,
    keys: &AccountKeys,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> String {
    let key = keys.signing_key.as_ref().map(SigningKey::verification_key);
    let key = key.map_or_else(String::new, |key| key.to_string());
    let name = advice::argument(&plan.name);
    format!(
        "HelvetiSafe recovery kit

This folder has the keys of an administrator of an organization. It is for the day on which no other administrator has keys.
Anyone who has this folder can read every secret of the organization.

vault             {url}
organization      {organization}
account           {account}
name              {plan_name}
verification key  {key}
org key           {fingerprint} on {now:.0}

STORE IT
- Copy the folder to two offline media, such as encrypted USB sticks, in two safe places. Then delete it on this machine.
- {CLIENT_SECRET}, {PRIVATE_KEY} and {SIGNING_KEY} are secret. All files are needed.
- It stays valid when the org key is replaced: the vault has the new one wrapped for this account.
- Test it once a year, on a trusted machine: helvetisafe --config config.toml doctor

USE IT
1. Copy the folder to a trusted machine, with mode 0700, and its files with mode 0600.
2. helvetisafe --config config.toml doctor
   helvetisafe --config config.toml org members
3. Make a new administrator, who joins with the code on its machine:
   helvetisafe --config config.toml org invite NAME --scopes administrator --output code
   helvetisafe --config config.toml org confirm NAME
4. Disable each account whose keys were lost or stolen, and replace the org key:
   helvetisafe --config config.toml org disable NAME
   helvetisafe --config config.toml org rotate
5. The new administrator makes a new kit with another name, and disables this one:
   helvetisafe org recovery-kit --output-dir FOLDER --name NEW_NAME
   helvetisafe org disable {name}
",
        url = plan.base_url,
        organization = plan.organization,
        account = keys.client_id,
        plan_name = plan.name,
    )
}
