-- Limits per kind and key, rates, flows, results, checkpoints, ownership and erasure. Additive: the tables of 0001 that
-- were empty until now (parked, gate) take their final shape here; all else gains columns that may be null.

-- Limits ----------------------------------------------------------------------
-- A kind's limit is declared in code and kept here, so that every statement counts with the same number.
ALTER TABLE job.kind
  ADD COLUMN max_running int CONSTRAINT kind_max_running_positive CHECK (max_running > 0),
  ADD COLUMN paused_at timestamptz, ADD COLUMN paused_by text;
ALTER TABLE job.queue
  ADD COLUMN fair boolean NOT NULL DEFAULT false,  -- rank: weighted fair tag of the tenant instead of the due time
  ADD CONSTRAINT queue_max_running_not_negative CHECK (max_running >= 0),
  ADD CONSTRAINT queue_rate_positive CHECK (rate_per_s > 0),
  ADD CONSTRAINT queue_burst_positive CHECK (rate_burst > 0),
  ADD CONSTRAINT queue_rate_has_burst CHECK ((rate_per_s IS NULL) = (rate_burst IS NULL)),
  ADD CONSTRAINT queue_aging_not_negative CHECK (aging_ms >= 0);
-- Tokens of a queue with a rate. Claims of all nodes take their share from this one row.
CREATE TABLE job.bucket (
  queue_id smallint PRIMARY KEY,
  tokens double precision NOT NULL CONSTRAINT bucket_not_overdrawn CHECK (tokens >= 0),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- key_hash: what the job shares a limit with. kind_key: the same for its kind, null for kinds without a limit, so that
-- jobs without limits pay for neither index.
ALTER TABLE job.ready ADD COLUMN kind_key bigint;
ALTER TABLE job.later ADD COLUMN kind_key bigint;
ALTER TABLE job.lease ADD COLUMN kind_key bigint;
CREATE INDEX ready_kind_key ON job.ready (kind_key) WHERE kind_key IS NOT NULL;
CREATE INDEX lease_kind_key ON job.lease (kind_key) WHERE kind_key IS NOT NULL;
CREATE INDEX later_key ON job.later (key_hash) WHERE key_hash IS NOT NULL;

-- A parked job waits at one door, its own key's first, then its kind's; doors open in the order of rank.
DROP TABLE job.parked;
CREATE TABLE job.parked (
  door bigint NOT NULL,                -- the key_hash or kind_key it waits for
  lane smallint NOT NULL, rank bigint NOT NULL, id bigint NOT NULL,
  queue_id smallint NOT NULL,
  attempt smallint NOT NULL DEFAULT 0, crashes smallint NOT NULL DEFAULT 0,
  key_hash bigint, kind_key bigint,
  PRIMARY KEY (door, lane, rank, id),
  CONSTRAINT parked_at_a_door_of_its_own CHECK (door IS NOT DISTINCT FROM key_hash OR door IS NOT DISTINCT FROM kind_key)
);
CREATE INDEX parked_id ON job.parked (id);
-- Those that have passed their key's door and wait at their kind's hold a place of their key.
CREATE INDEX parked_key ON job.parked (key_hash) WHERE key_hash <> door;

-- Bodies ------------------------------------------------------------------------
ALTER TABLE job.body
  ADD COLUMN args_version smallint NOT NULL DEFAULT 1,
  ADD COLUMN key_name text,                   -- for people; the hash decides
  ADD COLUMN tenant text,                     -- whose work it is, for fairness
  ADD COLUMN owner_id uuid,                   -- the account that may look at it
  ADD COLUMN parents bigint[];                -- the jobs whose results it may read
CREATE INDEX body_tags ON job.body USING gin (tags) WHERE tags <> '{}';
CREATE INDEX body_owner ON job.body (owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX body_batch ON job.body (batch_id) WHERE batch_id IS NOT NULL;

-- History -------------------------------------------------------------------------
ALTER TABLE job.done ADD COLUMN owner_id uuid, ADD COLUMN fingerprint bigint, ADD COLUMN reason text;
CREATE INDEX done_tags ON job.done USING gin (tags) WHERE tags <> '{}';
CREATE INDEX done_owner ON job.done (owner_id, finished_at DESC) WHERE owner_id IS NOT NULL;
CREATE INDEX done_batch ON job.done (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX done_fingerprint ON job.done (fingerprint, finished_at DESC) WHERE fingerprint IS NOT NULL;
ALTER TABLE job.attempt ADD COLUMN kind_id smallint, ADD COLUMN fingerprint bigint;
CREATE INDEX attempt_fingerprint ON job.attempt (fingerprint, finished_at DESC) WHERE fingerprint IS NOT NULL;
-- What an attempt has finished for good: skipped by the next.
CREATE TABLE job.step (
  job_id bigint NOT NULL, name text NOT NULL CONSTRAINT step_name_length CHECK (length(name) BETWEEN 1 AND 127),
  value jsonb NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (job_id, name)
);

-- Flows -------------------------------------------------------------------------
-- An edge stands for "this job has not ended yet": parent → waiting job, or member → batch (a batch's id is an id like a
-- job's). The statement that ends the job takes its edges away and counts them at the other end, once.
ALTER TABLE job.batch
  ADD COLUMN name text, ADD COLUMN owner_id uuid, ADD COLUMN closed_at timestamptz,
  ADD CONSTRAINT batch_counts_within_total CHECK (ok >= 0 AND bad >= 0 AND ok + bad <= total);
CREATE INDEX batch_open ON job.batch (id) WHERE closed_at IS NULL;
DROP TABLE job.gate;
CREATE TABLE job.gate (            -- a job waiting for parents
  id bigint PRIMARY KEY,
  waits int NOT NULL CONSTRAINT gate_waits_not_negative CHECK (waits >= 0),
  failed int NOT NULL DEFAULT 0,
  on_fail smallint NOT NULL DEFAULT 0,  -- 0 cancelled with its parent, 1 runs whatever happened
  run_at timestamptz NOT NULL, queue_id smallint NOT NULL, lane smallint NOT NULL, rank bigint NOT NULL,
  key_hash bigint, kind_key bigint
) WITH (fillfactor = 70);
CREATE INDEX gate_open ON job.gate (id) WHERE waits = 0;
