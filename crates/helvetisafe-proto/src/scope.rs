use std::fmt;
use std::slice;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One permission of a credential, RFC 6749 section 3.3. `serde` writes it as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum Scope {
    /// `secrets:read`: read the ciphertext of a secret.
    SecretsRead,
    /// `secrets:write`: create and update secrets.
    SecretsWrite,
    /// `secrets:delete`: delete secrets.
    SecretsDelete,
    /// `secrets:list`: list the names of secrets.
    SecretsList,
    /// `credentials:read`: read the wrapped org key, the locked private key, the account and the signed chain.
    CredentialsRead,
    /// `organization:read`: list members.
    OrganizationRead,
    /// `organization:write`: invite, confirm and disable members, and replace the org key.
    OrganizationWrite,
    /// `tokens:write`: create, list and revoke API tokens of this account.
    TokensWrite,
    /// `audit:read`: read the record of administrative acts.
    AuditRead,
}

impl Scope {
    /// The five scopes of the service's contract, in its order. Clients request them by default.
    pub const ALL: &'static [Self] = Self::KNOWN.split_at(5).0;

    /// The scopes for administration, an extension of this project's vault. They are only requested by name.
    pub const ADMINISTRATIVE: &'static [Self] = Self::KNOWN.split_at(5).1;

    const KNOWN: &'static [Self] = &[
        Self::SecretsRead,
        Self::SecretsWrite,
        Self::SecretsDelete,
        Self::SecretsList,
        Self::CredentialsRead,
        Self::OrganizationRead,
        Self::OrganizationWrite,
        Self::TokensWrite,
        Self::AuditRead,
    ];

    /// Returns the scope as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecretsRead => "secrets:read",
            Self::SecretsWrite => "secrets:write",
            Self::SecretsDelete => "secrets:delete",
            Self::SecretsList => "secrets:list",
            Self::CredentialsRead => "credentials:read",
            Self::OrganizationRead => "organization:read",
            Self::OrganizationWrite => "organization:write",
            Self::TokensWrite => "tokens:write",
            Self::AuditRead => "audit:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::KNOWN
            .iter()
            .copied()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}

impl TryFrom<String> for Scope {
    type Error = UnknownScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scope> for &'static str {
    fn from(scope: Scope) -> Self {
        scope.as_str()
    }
}

/// The text is not one of the scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "unknown scope; there are secrets:read, secrets:write, secrets:delete, secrets:list and \
     credentials:read, and for administration organization:read, organization:write, tokens:write and \
     audit:read"
)]
pub struct UnknownScope;

/// Scopes to request, as text: the five of [`Scopes`], or any others that a vault has.
///
/// RFC 6749, section 3.3: names of printable ASCII without `"` and `\`, separated by single spaces.
///
/// ```
/// use helvetisafe_proto::{ScopeList, Scopes};
///
/// let list = ScopeList::parse("secrets:read audit:read")?;
/// assert_eq!(list.as_str(), "secrets:read audit:read");
/// assert_eq!(ScopeList::from(Scopes::NONE).as_str(), "");
/// assert!(ScopeList::parse("two  spaces").is_err());
/// # Ok::<(), helvetisafe_proto::InvalidScopeList>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeList(String);

impl ScopeList {
    /// Checks a list of scopes. An empty text requests the scopes that the vault grants by default.
    ///
    /// # Errors
    ///
    /// [`InvalidScopeList`] for any other character, and for a space too many.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidScopeList> {
        let text = text.into();
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_scope_byte);
        if text.is_empty() || text.split(' ').all(is_name) {
            return Ok(Self(text));
        }
        Err(InvalidScopeList)
    }

    /// Returns the list as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ScopeList {
    type Error = InvalidScopeList;

    fn try_from(text: String) -> Result<Self, InvalidScopeList> {
        Self::parse(text)
    }
}

impl From<ScopeList> for String {
    fn from(list: ScopeList) -> Self {
        list.0
    }
}

impl From<Scopes> for ScopeList {
    fn from(scopes: Scopes) -> Self {
        Self(scopes.to_string())
    }
}

impl fmt::Display for ScopeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn is_scope_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

/// The text is not a list of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the scopes are not names of printable ASCII without quotes and backslashes, separated by single spaces"
)]
pub struct InvalidScopeList;

/// A set of [`Scope`]s, written as a list separated by spaces (RFC 6749 section 3.3).
///
/// The default is the five of the service's contract. `serde` writes the same text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scopes(u16);

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(0);
    /// The five scopes of the service's contract: [`Scope::ALL`].
    pub const ALL: Self = Self(0b1_1111);

    /// Returns true if the set holds `scope`.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// Returns true if every scope of `self` is in `other`.
    #[must_use]
    pub const fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Returns true if the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the scopes of the set, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        self.into_iter()
    }
}

const fn bit(scope: Scope) -> u16 {
    1 << scope as u8
}

impl Default for Scopes {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | bit(scope)))
    }
}

/// The scopes of a set; from [`Scopes::into_iter`](IntoIterator::into_iter).
#[derive(Clone, Debug)]
pub struct ScopesIter {
    set: Scopes,
    rest: slice::Iter<'static, Scope>,
}

impl Iterator for ScopesIter {
    type Item = Scope;

    fn next(&mut self) -> Option<Scope> {
        let set = self.set;
        self.rest
            .by_ref()
            .copied()
            .find(|&scope| set.contains(scope))
    }
}

impl IntoIterator for Scopes {
    type Item = Scope;
    type IntoIter = ScopesIter;

    fn into_iter(self) -> ScopesIter {
        ScopesIter {
            set: self,
            rest: Scope::KNOWN.iter(),
        }
    }
}

impl Extend<Scope> for Scopes {
    fn extend<I: IntoIterator<Item = Scope>>(&mut self, scopes: I) {
        self.0 |= Self::from_iter(scopes).0;
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self(bit(scope))
    }
}

impl<const N: usize> From<[Scope; N]> for Scopes {
    fn from(scopes: [Scope; N]) -> Self {
        scopes.into_iter().collect()
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Reads scopes separated by white space.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_ascii_whitespace().map(Scope::from_str).collect()
    }
}

impl TryFrom<String> for Scopes {
    type Error = UnknownScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_scopes_are_in_the_order_of_the_contract() {
        assert_eq!(
            Scopes::default().to_string(),
            "secrets:read secrets:write secrets:delete secrets:list credentials:read"
        );
    }

    #[test]
    fn a_set_lists_its_scopes() {
        let reading = Scopes::from([Scope::SecretsList, Scope::SecretsRead, Scope::SecretsRead]);
        assert_eq!(reading.to_string(), "secrets:read secrets:list");
        assert_eq!(format!("{reading:?}"), "{SecretsRead, SecretsList}");
        assert!(reading.contains(Scope::SecretsList) && !reading.contains(Scope::SecretsWrite));
        assert!(!reading.is_empty() && Scopes::NONE.is_empty());
        assert_eq!(Scopes::NONE.to_string(), "");
    }

    #[test]
    fn a_scope_is_read_and_written_by_its_name_on_the_wire() {
        for &scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        assert_eq!(format!("{:>13}", Scope::SecretsRead), " secrets:read");
    }

    #[test]
    fn an_unknown_scope_is_refused() {
        assert_eq!(
            "secrets:read secrets:admin".parse::<Scopes>(),
            Err(UnknownScope)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bits in 0_u16..512) {
            let scopes = Scopes(bits);
            prop_assert_eq!(scopes.to_string().parse::<Scopes>(), Ok(scopes));
            prop_assert_eq!(scopes.iter().collect::<Scopes>(), scopes);
            prop_assert_eq!(scopes.is_subset_of(Scopes::ALL), bits < 32);
            prop_assert_eq!(Scopes::ALL.is_subset_of(scopes), bits % 32 == 31);
        }
    }
}
