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
    let names = chain.administrators().keys().filter_map(|account| {
        let member = chain.members().get(account)?;
        Some(member.name.as_str())
    });
    let (kits, people): (Vec<_>, Vec<_>) = names.partition(|name| is_kit(name));
    match people.is_empty() {
        true => format!("who has the recovery kit {}", kits.join(" or ")),
        false => people.join(", "),
    }
}
