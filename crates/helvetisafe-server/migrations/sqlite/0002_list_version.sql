-- Counts the changes to the list of an organization's secrets, so that an answer that was made of one
-- state need not be made again while it lasts. Triggers count in the transaction of the write, so that
-- none is missed, whatever becomes of the request that made it.

ALTER TABLE organizations ADD COLUMN list_version INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER list_grows AFTER INSERT ON secrets BEGIN
    UPDATE organizations SET list_version = list_version + 1 WHERE id = new.organization;
END;

CREATE TRIGGER list_changes AFTER UPDATE ON secrets BEGIN
    UPDATE organizations SET list_version = list_version + 1 WHERE id = new.organization;
END;

CREATE TRIGGER list_shrinks AFTER DELETE ON secrets BEGIN
    UPDATE organizations SET list_version = list_version + 1 WHERE id = old.organization;
END;
