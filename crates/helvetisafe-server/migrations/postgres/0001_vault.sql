-- Times are microseconds since 1970 in UTC. Ids are random, so that a handle of one vault means nothing in another.
-- Every text that is compared or ordered has the collation "C": by its bytes, as SQLite and the clients do.
--
-- There are no triggers, sequences or types that only PostgreSQL has, so that databases with its protocol can serve.

-- `key_epoch` is the number of the org key in use. A writer locks the row FOR SHARE, and whatever changes the epoch or
-- the members locks it FOR UPDATE, so that no value of an old key comes after its replacement.
CREATE TABLE organizations (
    id         BIGINT PRIMARY KEY,
    key_epoch  BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL
);

-- Each write replaces the number of one shard with a random one, in its transaction. The numbers of all shards are the
-- version of the list. Several shards, since writers of one row wait for each other. Random, since a counter can repeat
-- after a failover that lost transactions.
CREATE TABLE list_versions (
    organization BIGINT NOT NULL REFERENCES organizations (id),
    shard        BIGINT NOT NULL,
    n            BIGINT NOT NULL,
    PRIMARY KEY (organization, shard)
);

-- `kind` is that of the holder: `service` or `member`. `public_key` is the SPKI of the RSA key, in DER.
-- `verification_key` is the Ed25519 key of an administrator. `status` is `joined` until an administrator has confirmed
-- the account, then `active`, then `disabled`.
CREATE TABLE accounts (
    id                 BIGINT PRIMARY KEY,
    organization       BIGINT NOT NULL REFERENCES organizations (id),
    name               TEXT COLLATE "C",
    kind               TEXT NOT NULL DEFAULT 'service',
    client_id          TEXT COLLATE "C" NOT NULL UNIQUE,
    client_secret_hash BYTEA NOT NULL,
    scopes             TEXT NOT NULL,
    public_key         BYTEA,
    verification_key   BYTEA,
    status             TEXT NOT NULL DEFAULT 'active',
    created_at         BIGINT NOT NULL,
    disabled_at        BIGINT
);

CREATE UNIQUE INDEX accounts_by_name ON accounts (organization, name);

-- The org key of an epoch, wrapped for the account's RSA key.
CREATE TABLE account_keys (
    account           BIGINT NOT NULL REFERENCES accounts (id),
    key_epoch         BIGINT NOT NULL,
    encrypted_org_key TEXT NOT NULL,
    PRIMARY KEY (account, key_epoch)
);

-- The account's RSA key, locked with its password, for accounts that fetch it.
CREATE TABLE private_keys (
    account    BIGINT PRIMARY KEY REFERENCES accounts (id),
    ciphertext TEXT NOT NULL,
    nonce      TEXT NOT NULL,
    salt       TEXT NOT NULL,
    auth_tag   TEXT NOT NULL
);

-- Access tokens and API tokens, by their SHA-256. `id` names an API token in lists.
CREATE TABLE tokens (
    hash       BYTEA PRIMARY KEY,
    id         BIGINT NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    account    BIGINT NOT NULL REFERENCES accounts (id),
    scopes     TEXT NOT NULL,
    name       TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

CREATE INDEX tokens_by_account ON tokens (account);
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;

-- A rotation stages rows of the next epoch, with the version that each is `based_on`. `version` and `write_id` are
-- random. A write has its `write_id` from the node, which finds out by it if a commit without an answer has happened.
-- `value` and `nonce` are the base64 that the client sent.
CREATE TABLE secrets (
    organization BIGINT NOT NULL REFERENCES organizations (id),
    key_epoch    BIGINT NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    version      BIGINT NOT NULL,
    write_id     BIGINT NOT NULL,
    based_on     BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    nonce        TEXT NOT NULL,
    value        TEXT NOT NULL,
    PRIMARY KEY (organization, key_epoch, key)
);

CREATE INDEX secrets_by_expiry ON secrets (expires_at) WHERE expires_at IS NOT NULL;

-- The one-time tokens that make an organization, by their SHA-256.
CREATE TABLE bootstraps (
    hash       BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

-- `secret_hash` is that of a value derived from the secret of the invitation, and `sealed_secret` the secret, sealed for
-- the administrators. `account` is the one that joined. Actors have no foreign key, since the record outlives them.
CREATE TABLE invitations (
    id                 BIGINT PRIMARY KEY,
    organization       BIGINT NOT NULL REFERENCES organizations (id),
    key_epoch          BIGINT NOT NULL,
    secret_hash        BYTEA NOT NULL UNIQUE,
    sealed_secret      TEXT NOT NULL,
    name               TEXT NOT NULL,
    kind               TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    invited_by         BIGINT NOT NULL,
    status             TEXT NOT NULL,
    created_at         BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    joined_at          BIGINT,
    account            BIGINT,
    transcript_mac     BYTEA
);

CREATE INDEX invitations_by_organization ON invitations (organization, status);

-- The replacements of org keys, of which an organization has one in progress at most.
CREATE TABLE rotations (
    id           BIGINT PRIMARY KEY,
    organization BIGINT NOT NULL REFERENCES organizations (id),
    to_epoch     BIGINT NOT NULL,
    started_by   BIGINT NOT NULL,
    status       TEXT NOT NULL,
    lease_until  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    ended_at     BIGINT
);

CREATE UNIQUE INDEX rotations_in_progress ON rotations (organization) WHERE ended_at IS NULL;

-- The signed chain of an organization: its members and org keys, as its administrators attest them.
CREATE TABLE chain_entries (
    organization BIGINT NOT NULL REFERENCES organizations (id),
    position     BIGINT NOT NULL,
    hash         BYTEA NOT NULL,
    entry        BYTEA NOT NULL,
    signature    BYTEA NOT NULL,
    PRIMARY KEY (organization, position)
);

-- Administrative acts and writes, each in the transaction of what it records.
CREATE TABLE audit (
    id           BIGINT PRIMARY KEY,
    organization BIGINT,
    at           BIGINT NOT NULL,
    actor        BIGINT,
    act          TEXT NOT NULL,
    subject      TEXT,
    detail       TEXT
);

CREATE INDEX audit_by_time ON audit (organization, at, id);
