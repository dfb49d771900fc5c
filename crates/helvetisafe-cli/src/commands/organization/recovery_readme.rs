//! The page in a recovery kit, for a person who finds it years later.

use helvetisafe::organization::{AccountKeys, SigningKey};
use helvetisafe::{Fingerprint, Timestamp};

use crate::advice;
use crate::commands::account_folder::{CLIENT_SECRET, PRIVATE_KEY, Plan, SIGNING_KEY};
use crate::session::recovery_kit::NAME as KIT;
use crate::settings::AccountProfile;

/// The name of the page.
pub(super) const README: &str = "README.txt";

/// Returns the page. It has no secret. With `has_certificate` the folder has the vault's certificate authority.
pub(super) fn text(
    plan: &Plan,
    keys: &AccountKeys,
    fingerprint: &Fingerprint,
    now: Timestamp,
    has_certificate: bool,
) -> String {
    let certificate = AccountProfile::CA_CERTIFICATE;
    let (and_copy, option) = match has_certificate {
        true => (
            format!(" and {certificate}"),
            format!(" --ca-certificate {certificate}"),
        ),
        false => (String::new(), String::new()),
    };
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
2. Check it, and see who the members are:
   helvetisafe --config config.toml doctor
   helvetisafe --config config.toml org members
3. Make a new administrator. The second command is for that person's machine, which needs copies of code{and_copy}, the
   others for this one:
   helvetisafe --config config.toml org invite NAME --scopes administrator --output code
   helvetisafe join --code-file code --output-dir ADMINISTRATOR{option}
   helvetisafe --config config.toml org confirm NAME

AFTER ITS USE
Its keys were on a machine, so it is used once. The new administrator, in this order:
4. Disables each account whose keys were lost or stolen:
   helvetisafe --config ADMINISTRATOR/config.toml org disable NAME
5. Makes a new kit, under another name that begins with {KIT}, and stores it as above:
   helvetisafe --config ADMINISTRATOR/config.toml org recovery-kit --output-dir NEW_KIT --name NEW_NAME
6. Disables this kit:
   helvetisafe --config ADMINISTRATOR/config.toml org disable {name}
7. Replaces the org key, which this kit knows. Before steps 4 and 6 that would have no effect, since the disabled accounts would
   get the new key:
   helvetisafe --config ADMINISTRATOR/config.toml org rotate
8. Destroys every copy of this folder. If another person may have seen it, replaces the values of the secrets, too.
",
        url = plan.base_url,
        organization = plan.organization,
        account = keys.client_id,
        plan_name = plan.name,
    )
}
