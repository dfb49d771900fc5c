-- Times are microseconds since 1970 in UTC. Ids of organizations and accounts are random, so that a
-- handle of one vault means nothing in another.

CREATE TABLE organizations (
    id         INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT;

-- Service accounts, with what only their owner can open: the org key under the account's RSA key,
-- and that RSA key under the account's password.
CREATE TABLE accounts (
    id                    INTEGER PRIMARY KEY,
    organization          INTEGER NOT NULL REFERENCES organizations (id),
    client_id             TEXT NOT NULL UNIQUE,
    client_secret_hash    BLOB NOT NULL,
    scopes                TEXT NOT NULL,
    encrypted_org_key     TEXT NOT NULL,
    encrypted_private_key TEXT NOT NULL,
    private_key_nonce     TEXT NOT NULL,
    private_key_salt      TEXT NOT NULL,
    private_key_auth_tag  TEXT NOT NULL,
    created_at            INTEGER NOT NULL
) STRICT;

-- Access tokens and portal API tokens, by their SHA-256.
CREATE TABLE tokens (
    hash       BLOB PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('access', 'api')),
    account    INTEGER NOT NULL REFERENCES accounts (id),
    scopes     TEXT NOT NULL,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_account ON tokens (account);
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

-- `value` and `nonce` are the base64 that the client sent. They stand last, so that a list does not
-- read through the values.
CREATE TABLE secrets (
    organization INTEGER NOT NULL REFERENCES organizations (id),
    key          TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    nonce        TEXT NOT NULL,
    value        TEXT NOT NULL,
    UNIQUE (organization, key)
) STRICT;

CREATE INDEX secrets_by_expiry ON secrets (expires_at) WHERE expires_at IS NOT NULL;
