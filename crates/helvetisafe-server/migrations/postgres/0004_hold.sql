-- The time until which a rotation holds the writes of its organization, unless it ends before.
ALTER TABLE rotations ADD COLUMN held_until BIGINT;
