-- See ../postgres/0004_hold.sql.
ALTER TABLE rotations ADD COLUMN held_until INTEGER;
