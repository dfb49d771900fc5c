//! A request to join that was confirmed before, by an earlier run of `org confirm` or by another administrator: its account is a
//! member of the signed chain.

use helvetisafe::organization::{Anchor, Chain, Member, Standing, Words};
use helvetisafe::{Error, ErrorKind};

use super::request_report::Shown;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::session::Administration;
use crate::ui::Ui;

/// Returns the active member of this name, whose name and keys the chain proves.
pub(super) fn named(
    administration: &Administration<'_>,
    chain: &Chain,
    name: &str,
) -> Result<Option<Member>, Failure> {
    let members = members(administration, chain)?;
    let is_named = |it: &Member| it.name.as_deref() == Some(name);
    let found = members.into_iter().find(is_named);
    match found.is_none() && chain.members().values().any(|it| it.name == name) {
        true => Err(not_listed(name)),
        false => Ok(found),
    }
}

fn members(administration: &Administration<'_>, chain: &Chain) -> Result<Vec<Member>, Failure> {
    let anchor = Anchor::Head(*chain.head());
    let mut members = administration.call(|organization| organization.members(&anchor))?;
    members.retain(|it| it.standing == Standing::Active);
    Ok(members)
}

/// Returns true if a request was refused because another command has confirmed it since `chain` was read: the chain now has its
/// account, with the key that was shown. A vault that shows the request of a member again gets no such answer.
pub(super) fn is_new(
    error: &Error,
    administration: &Administration<'_>,
    chain: &Chain,
    shown: &Shown<'_>,
) -> bool {
    let is_refused = matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound);
    if !is_refused || chain.members().contains_key(shown.account) {
        return false;
    }
    let members = members(administration, chain).unwrap_or_default();
    let mut members = members.iter();
    let member = members.find(|it| it.account == shown.account);
    member.and_then(words) == Some(shown.words)
}

/// Reports that a request was confirmed while this command ran.
pub(super) fn report_meanwhile(shown: &Shown<'_>, ui: &Ui) -> Result<(), Failure> {
    shown.report("unchanged", false, ui)?;
    ui.messages.note(format_args!(
        "another command has confirmed `{}` meanwhile, with the same words; nothing was changed by this one",
        shown.name
    ));
    Ok(())
}

/// Reports a member with no request: nothing is to be done. Fails if `given` are the words of another key.
pub(super) fn report(
    member: &Member,
    given: Option<&Words>,
    dry_run: bool,
    ui: &Ui,
) -> Result<(), Failure> {
    let (Some(words), Some(scopes), Some(name)) = (words(member), &member.scopes, &member.name)
    else {
        return Err(not_listed(&member.account));
    };
    let shown = Shown {
        name,
        account: &member.account,
        scopes,
        words,
    };
    shown.show(ui)?;
    if let Some(given) = given.filter(|given| **given != words) {
        return Err(other_words(name, given, &words));
    }
    shown.report("unchanged", dry_run, ui)?;
    ui.messages.note(format_args!(
        "`{name}` is a member already, with these words, and has no open request; nothing was changed"
    ));
    Ok(())
}

fn words(member: &Member) -> Option<Words> {
    member.public_key.as_ref().map(Words::of_public_key)
}

fn not_listed(name: &str) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "`{name}` is a member in the signed chain already, and the vault does not list the account with the same name and keys; nothing \
             was changed; {} shows what differs",
            advice::command("org members")
        ),
    )
}

fn other_words(name: &str, given: &Words, found: &Words) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "`{name}` is a member already, with the words `{found}`, and --fingerprint has `{given}`; nothing was changed; another \
             person may have used the code: ask the other administrators who confirmed this account, and disable it with {} if it \
             is not the right one",
            advice::command_about("org disable", name)
        ),
    )
}
