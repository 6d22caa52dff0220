-- Which job does once more what an ended one did, so that it is run once more once: whoever presses retry again is told.
-- Additive: a column that may be null, in every partition, without a rewrite.
ALTER TABLE job.done ADD COLUMN rerun_id bigint;
