-- A version for each secret, which every write replaces, for updates with a condition. It is random, so that
-- a version never returns, neither after a delete and a create nor after a restored backup.
--
-- The table is made again, so that the version stands before the values: a list does not read through them.

CREATE TABLE versioned_secrets (
    organization INTEGER NOT NULL REFERENCES organizations (id),
    key          TEXT NOT NULL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    nonce        TEXT NOT NULL,
    value        TEXT NOT NULL,
    UNIQUE (organization, key)
) STRICT;

INSERT INTO versioned_secrets
SELECT organization, key, random(), created_at, updated_at, expires_at, nonce, value FROM secrets;

-- This also drops its indexes and triggers.
DROP TABLE secrets;
ALTER TABLE versioned_secrets RENAME TO secrets;

CREATE INDEX secrets_by_expiry ON secrets (expires_at) WHERE expires_at IS NOT NULL;

CREATE TRIGGER list_grows AFTER INSERT ON secrets BEGIN
    UPDATE organizations SET list_version = list_version + 1 WHERE id = new.organization;
END;

CREATE TRIGGER list_changes AFTER UPDATE ON secrets BEGIN
    UPDATE organizations SET list_version = list_version + 1 WHERE id = new.organization;
END;

CREATE TRIGGER list_shrinks AFTER DELETE ON secrets BEGIN
    UPDATE organizations SET list_version = list_version + 1 WHERE id = old.organization;
END;
