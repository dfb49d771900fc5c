-- Columns for the administration by members.

-- The SHA-256 of the request that used up the token, by which a repeated one is recognized.
ALTER TABLE bootstraps ADD COLUMN founding BYTEA;

-- `secret_hash` is the id on the wire. `sealed_secret` is the base64 of the secret, sealed for the administrators under
-- the org key of `key_epoch`, `sealed_nonce` that of its nonce, and `sealed_signature` that of the signature of the terms. `status` is `pending`, `joined`, `confirmed` or `withdrawn`.
-- The request to join is in the row of the account, except for its epoch, its fingerprint and its tag, `transcript_mac`.
ALTER TABLE invitations ADD COLUMN sealed_nonce TEXT;
ALTER TABLE invitations ADD COLUMN sealed_signature TEXT;
ALTER TABLE invitations ADD COLUMN join_epoch BIGINT;
ALTER TABLE invitations ADD COLUMN join_fingerprint BYTEA;

-- The name of a disabled account is free.
DROP INDEX accounts_by_name;
CREATE UNIQUE INDEX accounts_by_name ON accounts (organization, name) WHERE status <> 'disabled';
