-- The tables of an organization with several members, whose org key can be replaced. Those of PostgreSQL are the
-- same and have the comments: ../postgres/0001_vault.sql.

-- The version of a list is now the numbers of `list_versions`, which the vault itself changes in the transaction of
-- each write. No trigger does it, since not every database has them.
DROP TRIGGER list_grows;
DROP TRIGGER list_changes;
DROP TRIGGER list_shrinks;

CREATE TABLE list_versions (
    organization INTEGER NOT NULL REFERENCES organizations (id),
    shard        INTEGER NOT NULL,
    n            INTEGER NOT NULL,
    PRIMARY KEY (organization, shard)
) STRICT, WITHOUT ROWID;

INSERT INTO list_versions SELECT id, 0, random() FROM organizations;

ALTER TABLE organizations DROP COLUMN list_version;
ALTER TABLE organizations ADD COLUMN key_epoch INTEGER NOT NULL DEFAULT 1;

CREATE TABLE account_keys (
    account           INTEGER NOT NULL REFERENCES accounts (id),
    key_epoch         INTEGER NOT NULL,
    encrypted_org_key TEXT NOT NULL,
    PRIMARY KEY (account, key_epoch)
) STRICT, WITHOUT ROWID;

INSERT INTO account_keys SELECT id, 1, encrypted_org_key FROM accounts;

CREATE TABLE private_keys (
    account    INTEGER PRIMARY KEY REFERENCES accounts (id),
    ciphertext TEXT NOT NULL,
    nonce      TEXT NOT NULL,
    salt       TEXT NOT NULL,
    auth_tag   TEXT NOT NULL
) STRICT;

INSERT INTO private_keys
SELECT id, encrypted_private_key, private_key_nonce, private_key_salt, private_key_auth_tag FROM accounts;

ALTER TABLE accounts DROP COLUMN encrypted_org_key;
ALTER TABLE accounts DROP COLUMN encrypted_private_key;
ALTER TABLE accounts DROP COLUMN private_key_nonce;
ALTER TABLE accounts DROP COLUMN private_key_salt;
ALTER TABLE accounts DROP COLUMN private_key_auth_tag;
ALTER TABLE accounts ADD COLUMN name TEXT;
ALTER TABLE accounts ADD COLUMN kind TEXT NOT NULL DEFAULT 'service';
ALTER TABLE accounts ADD COLUMN public_key BLOB;
ALTER TABLE accounts ADD COLUMN verification_key BLOB;
ALTER TABLE accounts ADD COLUMN status TEXT NOT NULL DEFAULT 'active';
ALTER TABLE accounts ADD COLUMN disabled_at INTEGER;

CREATE UNIQUE INDEX accounts_by_name ON accounts (organization, name);

ALTER TABLE tokens ADD COLUMN id INTEGER;
ALTER TABLE tokens ADD COLUMN name TEXT;
ALTER TABLE tokens ADD COLUMN created_at INTEGER;

UPDATE tokens SET id = random();

CREATE UNIQUE INDEX tokens_by_id ON tokens (id);

-- The table is made again for its key. The values still stand last, so that a list does not read through them.
CREATE TABLE epoch_secrets (
    organization INTEGER NOT NULL REFERENCES organizations (id),
    key_epoch    INTEGER NOT NULL,
    key          TEXT NOT NULL,
    version      INTEGER NOT NULL,
    write_id     INTEGER NOT NULL,
    based_on     INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    nonce        TEXT NOT NULL,
    value        TEXT NOT NULL,
    UNIQUE (organization, key_epoch, key)
) STRICT;

INSERT INTO epoch_secrets
SELECT organization, 1, key, version, random(), NULL, created_at, updated_at, expires_at, nonce, value FROM secrets;

DROP TABLE secrets;
ALTER TABLE epoch_secrets RENAME TO secrets;

CREATE INDEX secrets_by_expiry ON secrets (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE bootstraps (
    hash       BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
    id                 INTEGER PRIMARY KEY,
    organization       INTEGER NOT NULL REFERENCES organizations (id),
    key_epoch          INTEGER NOT NULL,
    secret_hash        BLOB NOT NULL UNIQUE,
    sealed_secret      TEXT NOT NULL,
    name               TEXT NOT NULL,
    kind               TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    invited_by         INTEGER NOT NULL,
    status             TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    joined_at          INTEGER,
    account            INTEGER,
    transcript_mac     BLOB
) STRICT;

CREATE INDEX invitations_by_organization ON invitations (organization, status);

CREATE TABLE rotations (
    id           INTEGER PRIMARY KEY,
    organization INTEGER NOT NULL REFERENCES organizations (id),
    to_epoch     INTEGER NOT NULL,
    started_by   INTEGER NOT NULL,
    status       TEXT NOT NULL,
    lease_until  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER
) STRICT;

CREATE UNIQUE INDEX rotations_in_progress ON rotations (organization) WHERE ended_at IS NULL;

CREATE TABLE chain_entries (
    organization INTEGER NOT NULL REFERENCES organizations (id),
    position     INTEGER NOT NULL,
    hash         BLOB NOT NULL,
    entry        BLOB NOT NULL,
    signature    BLOB NOT NULL,
    PRIMARY KEY (organization, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id           INTEGER PRIMARY KEY,
    organization INTEGER,
    at           INTEGER NOT NULL,
    actor        INTEGER,
    act          TEXT NOT NULL,
    subject      TEXT,
    detail       TEXT
) STRICT;

CREATE INDEX audit_by_time ON audit (organization, at, id);

CREATE TABLE leases (
    name        TEXT PRIMARY KEY,
    holder      INTEGER NOT NULL,
    valid_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
