-- Columns for the administration by members. Those of PostgreSQL are the same and have the comments:
-- ../postgres/0003_administration.sql.

ALTER TABLE bootstraps ADD COLUMN founding BLOB;

ALTER TABLE invitations ADD COLUMN sealed_nonce TEXT;
ALTER TABLE invitations ADD COLUMN sealed_signature TEXT;
ALTER TABLE invitations ADD COLUMN join_epoch INTEGER;
ALTER TABLE invitations ADD COLUMN join_fingerprint BLOB;

DROP INDEX accounts_by_name;
CREATE UNIQUE INDEX accounts_by_name ON accounts (organization, name) WHERE status <> 'disabled';
