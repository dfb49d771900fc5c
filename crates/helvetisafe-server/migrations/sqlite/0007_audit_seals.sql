-- The seals of the audit record. The tables of PostgreSQL are the same and have the comments:
-- ../postgres/0005_audit_seals.sql.

ALTER TABLE audit ADD COLUMN seal INTEGER;
CREATE INDEX audit_unsealed ON audit (organization, at, id) WHERE seal IS NULL;
CREATE INDEX audit_sealed ON audit (organization, seal) WHERE seal IS NOT NULL;

CREATE TABLE audit_seals (
    organization INTEGER NOT NULL,
    number INTEGER NOT NULL,
    acts INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    PRIMARY KEY (organization, number)
) STRICT, WITHOUT ROWID;
