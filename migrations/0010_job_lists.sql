-- Looking at jobs from outside. Every list of jobs goes by id, newest first: an id never changes while its job moves, so
-- a cursor never shows a job twice and never leaves one out. These indexes serve the filters in that order.
DROP INDEX job.done_list, job.done_owner, job.done_batch, job.done_fingerprint, job.body_owner, job.body_batch;
CREATE INDEX done_list ON job.done (state, kind_id, id DESC);
CREATE INDEX done_owner ON job.done (owner_id, id DESC) WHERE owner_id IS NOT NULL;
CREATE INDEX done_batch ON job.done (batch_id, id DESC) WHERE batch_id IS NOT NULL;
CREATE INDEX done_fingerprint ON job.done (fingerprint, id DESC) WHERE fingerprint IS NOT NULL;
CREATE INDEX body_owner ON job.body (owner_id, id DESC) WHERE owner_id IS NOT NULL;
CREATE INDEX body_batch ON job.body (batch_id, id DESC) WHERE batch_id IS NOT NULL;
-- What waits for its time is found by id, too: it is looked at, retried now, snoozed and cancelled. (job.ready has no such
-- index, because every job of a backlog would pay for it: a job is there when it is in no other place.)
CREATE INDEX later_id ON job.later (id);
