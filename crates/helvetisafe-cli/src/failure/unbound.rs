//! Secrets that hold one value under the name of another key: the vault may have exchanged them.

use helvetisafe::{Error, KeyName};

/// A secret, and the key that its one value is named after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unbound {
    key: KeyName,
    named: KeyName,
}

impl Unbound {
    /// Returns the names in an error; `None` if it has another reason.
    pub(super) fn of(error: &Error) -> Option<Self> {
        Some(Self {
            key: error.key()?.clone(),
            named: error.named_key()?.clone(),
        })
    }

    fn all<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Option<Vec<Self>> {
        let unbound: Vec<_> = errors.into_iter().filter_map(Self::of).collect();
        (!unbound.is_empty()).then_some(unbound)
    }
}

/// Describes all unbound secrets in one message; `None` if no error is about one.
pub(crate) fn describe<'a>(errors: impl IntoIterator<Item = &'a Error>) -> Option<String> {
    Unbound::all(errors).map(|unbound| message(&unbound))
}

/// Describes them for a client of the agent, which cannot set the options of the command.
pub(crate) fn describe_to_client<'a>(
    errors: impl IntoIterator<Item = &'a Error>,
) -> Option<String> {
    Unbound::all(errors).map(|unbound| {
        let names = names(&unbound);
        format!("{names}; the agent refuses them unless it is started with --allow-unbound")
    })
}

/// Names the secrets, and the settings that allow them.
pub(crate) fn message(unbound: &[Unbound]) -> String {
    let options = options(unbound);
    if let [Unbound { key, named }] = unbound {
        return format!(
            "`{key}` holds one value named `{named}`; the vault may have exchanged secrets, so it was \
             refused; if it really has that one field, read it by that name (--field {named}, {options}, \
             {{{{ secret \"{key}\" \"{named}\" }}}}), or give --allow-unbound, also to add a field; \
             HELVETISAFE_ALLOW_UNBOUND=true or allow_unbound = true in the profile allow all such secrets"
        );
    }
    format!(
        "{}; the vault may have exchanged secrets, so they were refused; if each really has that one \
         field, name the fields ({options}, {{{{ secret \"KEY\" \"FIELD\" }}}}), or allow all such secrets \
         with --allow-unbound, HELVETISAFE_ALLOW_UNBOUND=true or allow_unbound = true in the profile",
        names(unbound)
    )
}

/// Describes the cost of a secret with this one field; `None` if commands read it without the field's name.
pub(crate) fn warning(key: &KeyName, field: &str) -> Option<String> {
    let named = KeyName::parse(field).ok().filter(|named| named != key)?;
    let unbound = Unbound {
        key: key.clone(),
        named,
    };
    Some(format!(
        "commands that use all secrets, such as `run`, refuse `{key}` with the one field `{field}`, since the \
         vault may exchange such secrets; write two fields with --fields, or a value without a field, or use \
         it with {}",
        options(&[unbound])
    ))
}

/// Returns the options that read the secrets by their fields, beside all others.
fn options(unbound: &[Unbound]) -> String {
    let options = unbound.iter().enumerate().map(|(index, it)| {
        let number = if index == 0 {
            String::new()
        } else {
            (index + 1).to_string()
        };
        format!(
            "--exclude {key} --env NAME{number}={key}.{}",
            it.named,
            key = it.key
        )
    });
    options.collect::<Vec<_>>().join(" ")
}

fn names(unbound: &[Unbound]) -> String {
    let names = unbound
        .iter()
        .map(|it| format!("`{}` holds one value named `{}`", it.key, it.named));
    names.collect::<Vec<_>>().join(", ")
}
