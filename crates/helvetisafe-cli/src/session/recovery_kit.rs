//! Recovery kits: offline accounts of administrators, which are recognized by their names.

use helvetisafe::organization::Chain;

/// The name of the first kit, with which the names of the others should begin.
pub(crate) const NAME: &str = "recovery-kit";

/// Returns true if an administrator with this name is a kit.
pub(crate) fn is_kit(name: &str) -> bool {
    name.starts_with(NAME)
}

/// Returns the name of an account that is a kit.
pub(crate) fn name_of<'c>(account: &str, chain: &'c Chain) -> Option<&'c str> {
    let is_administrator = chain.administrators().contains_key(account);
    let member = chain.members().get(account)?;
    (is_administrator && is_kit(&member.name)).then_some(&member.name)
}

/// Returns the name of a kit that can be used.
pub(crate) fn usable(chain: &Chain) -> Option<&str> {
    let mut accounts = chain.administrators().keys();
    accounts.find_map(|account| name_of(account, chain))
}

/// Returns the names of the administrators who can be asked. Kits are left out if there is a person.
pub(super) fn to_ask(chain: &Chain) -> String {
    to_ask_without("", chain)
}

/// Returns the names as [`to_ask`] does, without an account that is disabled.
pub(crate) fn to_ask_without(disabled: &str, chain: &Chain) -> String {
    let (kits, people) = administrators(disabled, chain);
    match people.is_empty() {
        true => format!("who has the recovery kit {}", kits.join(" or ")),
        false => people.join(", "),
    }
}

/// Returns the names of the kits, if they are the only administrators once an account is disabled, and are not now.
pub(crate) fn only_without(disabled: &str, chain: &Chain) -> Option<String> {
    let (_, before) = administrators("", chain);
    let (kits, people) = administrators(disabled, chain);
    let is_new = !before.is_empty() && people.is_empty() && !kits.is_empty();
    is_new.then(|| format!("`{}`", kits.join("` or `")))
}

/// Returns the names of the administrators but one: those of kits, and the others.
fn administrators<'c>(but: &str, chain: &'c Chain) -> (Vec<&'c str>, Vec<&'c str>) {
    let accounts = chain.administrators().keys();
    let names = accounts
        .filter(|account| *account != but)
        .filter_map(|account| {
            let member = chain.members().get(account)?;
            Some(member.name.as_str())
        });
    names.partition(|name| is_kit(name))
}
