//! The calls for administration: an extension of this vault.

pub(super) mod list_audit;
