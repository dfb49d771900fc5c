//! The advice about a missing scope: it says whether the credential or its account lacks the scope, and who has to do what.

use std::path::Path;

use helvetisafe::Scope;
use helvetisafe::organization::{Account, ScopeList, is_name};

use crate::advice::{self, shell_quoted};

/// A scope that a call needs, and the credential does not have.
pub(super) struct MissingScope<'a> {
    pub(super) scope: Scope,
    pub(super) account: &'a Account,
    pub(super) is_api_token: bool,
    /// The names of administrators, if they are known.
    pub(super) administrators: Option<String>,
}

impl MissingScope<'_> {
    /// Returns what lacks the scope, and what to do. `setting` says which setting does not request it, if one does. `None` if
    /// the credential has the scope, so that the refusal has another reason.
    pub(super) fn advice(&self, setting: Option<String>) -> Option<String> {
        if has(&self.account.granted, self.scope) {
            return None;
        }
        if !has(&self.account.scopes, self.scope) {
            return Some(self.of_account());
        }
        if self.is_api_token {
            return Some(self.of_token());
        }
        let has_it = format!("the account {} has the scope {}", self.name(), self.scope);
        Some(match setting {
            Some(setting) => format!("{has_it}, but {setting}"),
            None => format!(
                "{has_it}, but the vault did not grant it: try again, or ask the vault's operator"
            ),
        })
    }

    /// The account was made without it.
    fn of_account(&self) -> String {
        let (name, scope) = (self.name(), self.scope);
        let lacks = format!("the account {name} does not have the scope {scope}");
        if !self.account.has_chain {
            return match Scope::ADMINISTRATIVE.contains(&scope) {
                true => format!(
                    "{lacks}, since its organization was made without administrators: found one with `helvetisafe org create`"
                ),
                false => format!("{lacks}: ask the vault's owner for an account that has it"),
            };
        }
        if self.can_invite() {
            let invite = format!("org invite NAME --scopes {}", self.wanted());
            return format!(
                "{lacks}, and the scopes of an account do not change: as an administrator, invite a new account that has it, with {}",
                advice::command(invite)
            );
        }
        let names = self.administrators.as_ref();
        let names = names.map_or_else(String::new, |names| format!(" ({names})"));
        format!(
            "{lacks}, and the scopes of an account do not change: ask an administrator{names} to do this, or to invite you \
             again, with `helvetisafe org invite NAME --scopes {}`",
            self.wanted()
        )
    }

    /// Returns true if the account is an administrator that can invite.
    fn can_invite(&self) -> bool {
        let needed = [Scope::OrganizationRead, Scope::OrganizationWrite];
        needed.iter().all(|scope| has(&self.account.scopes, *scope))
    }

    /// The API token was made without it.
    fn of_token(&self) -> String {
        let mut more = with(&self.account.granted, self.scope);
        // Each administrative change reads the chain first.
        if self.scope == Scope::OrganizationWrite
            && !has(&self.account.granted, Scope::OrganizationRead)
        {
            more = format!("{more} {}", Scope::OrganizationRead);
        }
        format!(
            "the API token does not have the scope {}, and its account {} has it: use the client id and secret of the account, \
             or make another token with them, with `helvetisafe token create NAME --scopes {}`",
            self.scope,
            self.name(),
            shell_quoted(Path::new(&more))
        )
    }

    /// Returns the scopes for a new invitation, as one word of a shell command.
    fn wanted(&self) -> String {
        match self.scope {
            Scope::OrganizationRead | Scope::OrganizationWrite => "administrator".to_owned(),
            scope => shell_quoted(Path::new(&with(&self.account.scopes, scope))),
        }
    }

    /// Returns the name or the client id of the account. The vault states them, and nothing verifies them.
    fn name(&self) -> String {
        let name = self.account.name.as_deref();
        let name = name.filter(|name| is_name(name) && !name.contains('`'));
        format!("`{}`", name.unwrap_or(account_id(&self.account.account)))
    }
}

/// Returns a client id as the vault states it, or `(invalid id)` if it has characters that could pass for other text.
pub(crate) fn account_id(id: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+=".contains(c);
    match !id.is_empty() && id.len() <= 128 && id.chars().all(is_plain) {
        true => id,
        false => "(invalid id)",
    }
}

/// Returns the scope to name of those that a credential lacks: the right of administrators, else the first one.
pub(super) fn first(granted: &ScopeList, needed: &[Scope]) -> Option<Scope> {
    let missing = || needed.iter().filter(|scope| !has(granted, **scope));
    let administrative = missing().find(|scope| **scope == Scope::OrganizationWrite);
    administrative.or_else(|| missing().next()).copied()
}

fn has(scopes: &ScopeList, scope: Scope) -> bool {
    let mut names = scopes.as_str().split(' ');
    names.any(|name| name == scope.as_str())
}

fn with(scopes: &ScopeList, scope: Scope) -> String {
    format!("{} {scope}", scopes.as_str())
}
