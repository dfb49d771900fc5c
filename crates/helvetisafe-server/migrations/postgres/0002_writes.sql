-- The writes of the last minutes. A write adds its row in its own statement. A node that lost the answer to a write adds
-- a row with the same id, a fence: of the two, the one that comes first wins. If it is the fence, the write fails should
-- it still arrive, so that it cannot undo later writes. `expires_at` is that of the written secret. Old rows are removed.
CREATE TABLE writes (
    id         BIGINT PRIMARY KEY,
    at         BIGINT NOT NULL,
    happened   BOOLEAN NOT NULL,
    expires_at BIGINT
);
