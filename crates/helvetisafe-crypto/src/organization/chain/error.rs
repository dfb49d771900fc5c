/// The reason for which a chain, or its next entry, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Bytes are not the one encoding of an entry.
    #[error("the bytes are not an entry of a chain, or of a later version: update this program")]
    Malformed,
    /// The first entry is not a genesis, or a later one is.
    #[error("the chain does not start with its genesis, and with it alone")]
    Genesis,
    /// An entry is of another organization.
    #[error("an entry of the chain is of another organization")]
    Organization,
    /// A sequence number is not the next one.
    #[error("an entry of the chain is missing or repeated")]
    Gap,
    /// An entry does not follow the entry before it, or the entry that was seen earlier is not in the chain.
    #[error(
        "the chain is not the one that was seen before: the vault shows different histories. Ask an administrator \
         before you continue"
    )]
    Fork,
    /// The chain ends before an entry that was seen earlier.
    #[error(
        "the chain is older than one that was seen before: the vault withholds changes, or was restored from a \
         backup. Ask an administrator before you continue"
    )]
    Older,
    /// The trusted verification key signed no entry.
    #[error(
        "the trusted verification key signed no entry of the chain, so nothing shows that it is the right one"
    )]
    Untrusted,
    /// The signer was not an administrator before the entry.
    #[error(
        "an entry of the chain is signed by a key that was not an administrator's at that time"
    )]
    Signer,
    /// A signature does not verify.
    #[error("a signature in the chain is not valid")]
    Signature,
    /// An entry has another epoch than the one before it, or a rotation is not to the next one.
    #[error("an entry of the chain has the wrong epoch")]
    Epoch,
    /// A rotation returns to an earlier org key.
    #[error("a rotation in the chain returns to an earlier org key")]
    EarlierKey,
    /// The list of verification keys does not follow from the change, or a key has two accounts.
    #[error(
        "an entry of the chain lists wrong verification keys, or one key for two administrators"
    )]
    Keys,
    /// A change does not fit: the account is a member or an administrator already, or is none.
    #[error(
        "a change does not fit the account: it is a member or an administrator already, or is none"
    )]
    Member,
    /// A disabled account is confirmed again.
    #[error(
        "the account was a member before, and was disabled: its request may be an old one that the vault shows again. \
         Do not confirm it; invite the person again, who then joins with new keys"
    )]
    FormerMember,
    /// A member is confirmed with an invitation that was used before.
    #[error(
        "the invitation was used before: the vault shows an old one again. Do not confirm it, and invite again"
    )]
    UsedInvitation,
    /// The name of a new member is not one: [`is_name`](super::is_name).
    #[error(
        "the name of a member has 1 to 128 characters, without control characters and without spaces at the ends"
    )]
    Name,
    /// A new member has the name of another one.
    #[error(
        "another member has this name: disable that account first, or invite under another name"
    )]
    NameTaken,
    /// The change would leave no administrator.
    #[error("the last administrator cannot be removed or disabled: add another one first")]
    LastAdministrator,
    /// A join request has no verification key, and cannot make an administrator.
    #[error("the join request has no verification key: a new administrator has to send one")]
    NoVerificationKey,
}
