-- True if the write found nothing to write, and this was answered: its repetitions get the same answer, and no effect. The
-- other rows that have not happened are fences.
ALTER TABLE writes ADD COLUMN refused BOOLEAN NOT NULL DEFAULT false;
