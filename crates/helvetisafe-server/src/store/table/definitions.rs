//! The tables and their columns.

use super::{Column, Kind, Table};

const fn integer(name: &'static str) -> Column {
    let kind = Kind::Integer;
    Column { name, kind }
}

const fn text(name: &'static str) -> Column {
    let kind = Kind::Text;
    Column { name, kind }
}

const fn bytes(name: &'static str) -> Column {
    let kind = Kind::Bytes;
    Column { name, kind }
}

/// The tables, each after those that it refers to.
pub(crate) static TABLES: [Table; 12] = [
    Table {
        name: "organizations",
        columns: &[integer("id"), integer("key_epoch"), integer("created_at")],
        key: 1,
    },
    Table {
        name: "accounts",
        columns: &[
            integer("id"),
            integer("organization"),
            text("name"),
            text("kind"),
            text("client_id"),
            bytes("client_secret_hash"),
            text("scopes"),
            bytes("public_key"),
            bytes("verification_key"),
            text("status"),
            integer("created_at"),
            integer("disabled_at"),
        ],
        key: 1,
    },
    Table {
        name: "account_keys",
        columns: &[
            integer("account"),
            integer("key_epoch"),
            text("encrypted_org_key"),
        ],
        key: 2,
    },
    Table {
        name: "private_keys",
        columns: &[
            integer("account"),
            text("ciphertext"),
            text("nonce"),
            text("salt"),
            text("auth_tag"),
        ],
        key: 1,
    },
    Table {
        name: "tokens",
        columns: &[
            bytes("hash"),
            integer("id"),
            text("kind"),
            integer("account"),
            text("scopes"),
            text("name"),
            Column {
                name: "created_at",
                kind: Kind::IntegerOrZero,
            },
            integer("expires_at"),
        ],
        key: 1,
    },
    Table {
        name: "secrets",
        columns: &[
            integer("organization"),
            integer("key_epoch"),
            text("key"),
            integer("version"),
            integer("write_id"),
            integer("based_on"),
            integer("created_at"),
            integer("updated_at"),
            integer("expires_at"),
            text("nonce"),
            text("value"),
        ],
        key: 3,
    },
    Table {
        name: "bootstraps",
        columns: &[
            bytes("hash"),
            integer("expires_at"),
            integer("used_at"),
            bytes("founding"),
        ],
        key: 1,
    },
    Table {
        name: "invitations",
        columns: &[
            integer("id"),
            integer("organization"),
            integer("key_epoch"),
            bytes("secret_hash"),
            text("sealed_secret"),
            text("name"),
            text("kind"),
            text("scopes"),
            integer("invited_by"),
            text("status"),
            integer("created_at"),
            integer("expires_at"),
            integer("joined_at"),
            integer("account"),
            bytes("transcript_mac"),
            text("sealed_nonce"),
            bytes("signature"),
            integer("join_epoch"),
            bytes("join_fingerprint"),
        ],
        key: 1,
    },
    Table {
        name: "rotations",
        columns: &[
            integer("id"),
            integer("organization"),
            integer("to_epoch"),
            integer("started_by"),
            text("status"),
            integer("lease_until"),
            integer("created_at"),
            integer("ended_at"),
            integer("held_until"),
        ],
        key: 1,
    },
    Table {
        name: "chain_entries",
        columns: &[
            integer("organization"),
            integer("position"),
            bytes("hash"),
            bytes("entry"),
            bytes("signature"),
        ],
        key: 2,
    },
    Table {
        name: "audit",
        columns: &[
            integer("id"),
            integer("organization"),
            integer("at"),
            integer("actor"),
            text("act"),
            text("subject"),
            text("detail"),
            integer("seal"),
        ],
        key: 1,
    },
    Table {
        name: "audit_seals",
        columns: &[
            integer("organization"),
            integer("number"),
            integer("acts"),
            bytes("sha256"),
            integer("sealed_at"),
        ],
        key: 2,
    },
];
