-- The seals of the audit record: a chain of hashes over its rows, by which a changed or removed row is noticed.

-- The number of the seal that covers the row; NULL until there is one.
ALTER TABLE audit ADD COLUMN seal BIGINT;
CREATE INDEX audit_unsealed ON audit (organization, at, id) WHERE seal IS NULL;
CREATE INDEX audit_sealed ON audit (organization, seal) WHERE seal IS NOT NULL;

-- `sha256` is over that of the number before, and over the rows in the order of `at` and `id`. The numbers begin with 1.
CREATE TABLE audit_seals (
    organization BIGINT NOT NULL,
    number BIGINT NOT NULL,
    acts BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    PRIMARY KEY (organization, number)
);
