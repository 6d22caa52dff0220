-- Running jobs are cancelled, queues scaled and nodes drained while servers run: what is wanted stands in rows, and every
-- process reads it. Additive.

-- Why a running attempt should end. The index is nearly always empty: looking for such leases costs nothing.
ALTER TABLE job.lease ADD COLUMN cancel_reason text;
CREATE INDEX lease_cancelled ON job.lease (id) WHERE cancel_at IS NOT NULL;
-- Jobs of the queue that each node runs at once; null: as the node is configured.
ALTER TABLE job.queue
  ADD COLUMN workers int CONSTRAINT queue_workers_within_reason CHECK (workers BETWEEN 0 AND 10000);
-- drain_at: somebody wants the node to take nothing more; draining: it does so. left_at: it has ended in order, so that
-- what it still holds is given back instead of counted as a crash.
ALTER TABLE job.worker
  ADD COLUMN drain_at timestamptz, ADD COLUMN drain_by text, ADD COLUMN left_at timestamptz;
