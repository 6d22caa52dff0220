-- Of which shape the arguments of an ended job are, so that it can be run once more by a newer server; null: it ended
-- before this was written down. Additive: a column that may be null, in every partition, without a rewrite.
ALTER TABLE job.done ADD COLUMN args_version smallint;
-- The lease of the job that a process runs apart from others, because it would be set aside with its next crash.
ALTER TABLE job.worker ADD COLUMN alone bigint;
