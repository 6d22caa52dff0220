-- The job system: a body is written once and deleted once; where a live job is, is which narrow table holds it.
--
-- Invariant: every row of job.body has exactly one row in ready, later, parked, lease or gate.
-- No foreign keys on hot rows: every lease pointing at one worker row would make concurrent inserts share-lock it
-- (multixact churn); orphans are found by the rescuer instead.
-- Smallint codes, not enums: a new state must not need ALTER TYPE. src/jobs/store names them.

CREATE SCHEMA job;
-- registries: few rows, cached in memory by every process -------------------
CREATE TABLE job.queue (
  id          smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE CONSTRAINT queue_name_length CHECK (length(name) BETWEEN 1 AND 127),
  paused_at   timestamptz, paused_by text,
  max_running int,                       -- fleet-wide cap, NULL = none
  rate_per_s  real, rate_burst int,      -- token bucket, NULL = none
  aging_ms    int,                       -- NULL: strict priority; else one priority step = this much waiting
  revision    bigint NOT NULL DEFAULT 0  -- bumped by every change: cheap poll
);
CREATE TABLE job.kind (
  id   smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CONSTRAINT kind_name_length CHECK (length(name) BETWEEN 1 AND 127)
);
-- one row per process boot; never reused ------------------------------------
CREATE TABLE job.worker (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  boot       uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  node       text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  beat_at    timestamptz NOT NULL DEFAULT now(),
  draining   boolean NOT NULL DEFAULT false,
  info       jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
-- the body of a live job: written once, deleted once, never updated ----------
CREATE TABLE job.body (
  id           bigint PRIMARY KEY,            -- time-ordered, made by the app
  queue_id     smallint NOT NULL,
  kind_id      smallint NOT NULL,
  priority     smallint NOT NULL DEFAULT 100,
  max_attempts smallint NOT NULL DEFAULT 10 CONSTRAINT body_max_attempts_positive CHECK (max_attempts > 0),
  timeout_ms   int      NOT NULL DEFAULT 60000,
  keep         smallint NOT NULL DEFAULT 1,   -- history: 0 none 1 summary 2 full
  enqueued_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  run_at       timestamptz NOT NULL DEFAULT now(),
  key_hash     bigint, key_limit smallint,    -- partitioned concurrency
  unique_hash  uuid,  unique_hold smallint,   -- hold until: 0 start 1 end 2 expiry
  batch_id     bigint,
  codec        smallint NOT NULL DEFAULT 0,   -- 0 json, 1 sealed (AEAD) ...
  args         jsonb, sealed bytea,
  tags         text[] NOT NULL DEFAULT '{}',
  meta         jsonb, traceparent text,
  CONSTRAINT body_args_or_sealed CHECK ((args IS NULL) <> (sealed IS NULL))
);
-- where a live job is: exactly one of ready / later / parked / lease ---------
CREATE TABLE job.ready (               -- only due jobs: no time test in the claim
  queue_id smallint NOT NULL,
  lane     smallint NOT NULL,          -- strict: the priority; aging or fair: 0
  rank     bigint   NOT NULL,          -- strict: due us; aging: due us + priority*aging; fair: WFQ tag
  id       bigint   NOT NULL,
  attempt smallint NOT NULL DEFAULT 0, crashes smallint NOT NULL DEFAULT 0,
  key_hash bigint,
  PRIMARY KEY (queue_id, lane, rank, id)
);
CREATE INDEX ready_key ON job.ready (key_hash) WHERE key_hash IS NOT NULL;
CREATE TABLE job.later (
  run_at timestamptz NOT NULL, id bigint NOT NULL,
  queue_id smallint NOT NULL, lane smallint NOT NULL, rank bigint NOT NULL,
  attempt smallint NOT NULL DEFAULT 0, crashes smallint NOT NULL DEFAULT 0,
  key_hash bigint, why smallint NOT NULL DEFAULT 0, -- 0 scheduled 1 retry 2 snooze 3 crash
  PRIMARY KEY (run_at, id)
);
CREATE TABLE job.parked (
  queue_id smallint NOT NULL, key_hash bigint NOT NULL,
  lane smallint NOT NULL, rank bigint NOT NULL, id bigint NOT NULL,
  attempt smallint NOT NULL DEFAULT 0, crashes smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (queue_id, key_hash, lane, rank, id)
);
CREATE SEQUENCE job.token CACHE 1;
CREATE TABLE job.lease (
  id bigint PRIMARY KEY,
  token bigint NOT NULL,                       -- the fence
  worker_id bigint NOT NULL,                   -- no FK: see the notes (multixacts)
  queue_id smallint NOT NULL, lane smallint NOT NULL, rank bigint NOT NULL, -- to give back in place
  attempt smallint NOT NULL, crashes smallint NOT NULL, key_hash bigint,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  deadline_at timestamptz NOT NULL,
  cancel_at timestamptz
);
CREATE INDEX lease_worker ON job.lease (worker_id);
CREATE INDEX lease_key ON job.lease (key_hash) WHERE key_hash IS NOT NULL;
-- uniqueness is a lock that is taken once and released once ------------------
CREATE TABLE job.uniq (
  hash uuid PRIMARY KEY, job_id bigint NOT NULL,
  until timestamptz NOT NULL DEFAULT 'infinity'
);
-- history: append-only, one partition a day, dropped whole -------------------
CREATE TABLE job.attempt (
  job_id bigint NOT NULL, attempt smallint NOT NULL, token bigint NOT NULL,
  worker_id bigint NOT NULL, started_at timestamptz NOT NULL,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  outcome smallint NOT NULL,  -- ok retry snooze discard cancel timeout panic crash interrupt
  error_kind text, error text, trace text, log text[]
) PARTITION BY RANGE (finished_at);
CREATE INDEX attempt_job ON job.attempt (job_id);
CREATE TABLE job.done (
  id bigint NOT NULL, queue_id smallint NOT NULL, kind_id smallint NOT NULL,
  state smallint NOT NULL,    -- 0 ok 1 discarded 2 cancelled 3 quarantined
  attempts smallint NOT NULL, crashes smallint NOT NULL,
  enqueued_at timestamptz NOT NULL, started_at timestamptz,
  finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  result jsonb, body jsonb,   -- per keep policy
  batch_id bigint, tags text[]
) PARTITION BY RANGE (finished_at);
CREATE INDEX done_id ON job.done (id);
CREATE INDEX done_list ON job.done (state, kind_id, finished_at DESC);
CREATE TABLE job.done_default PARTITION OF job.done DEFAULT;
CREATE TABLE job.attempt_default PARTITION OF job.attempt DEFAULT;
-- cron ----------------------------------------------------------------------
CREATE TABLE job.cron (
  key text PRIMARY KEY, kind_id smallint NOT NULL REFERENCES job.kind,
  spec text NOT NULL, tz text NOT NULL DEFAULT 'UTC',
  missed text NOT NULL DEFAULT 'one' CONSTRAINT cron_missed_known CHECK (missed IN ('skip','one','all')),
  missed_within interval NOT NULL DEFAULT '1 day', missed_max smallint NOT NULL DEFAULT 100,
  gap text NOT NULL DEFAULT 'shift' CONSTRAINT cron_gap_known CHECK (gap IN ('shift','skip')),
  fold text NOT NULL DEFAULT 'first' CONSTRAINT cron_fold_known CHECK (fold IN ('first','second','both')),
  overlap text NOT NULL DEFAULT 'allow' CONSTRAINT cron_overlap_known CHECK (overlap IN ('allow','skip','queue_one','cancel_old')),
  splay interval NOT NULL DEFAULT '0', template jsonb NOT NULL DEFAULT '{}',
  source text NOT NULL DEFAULT 'code' CONSTRAINT cron_source_known CHECK (source IN ('code','api')),
  paused_at timestamptz, next_at timestamptz NOT NULL
);
CREATE INDEX cron_due ON job.cron (next_at) WHERE paused_at IS NULL;
CREATE TABLE job.cron_fire (
  key text NOT NULL, fire_at timestamptz NOT NULL,
  job_id bigint, outcome text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (key, fire_at)
);
-- flows ---------------------------------------------------------------------
CREATE TABLE job.batch (
  id bigint PRIMARY KEY, opened_at timestamptz NOT NULL DEFAULT now(), sealed_at timestamptz,
  total int NOT NULL DEFAULT 0, ok int NOT NULL DEFAULT 0, bad int NOT NULL DEFAULT 0,
  on_done jsonb, meta jsonb
) WITH (fillfactor = 50);
CREATE TABLE job.gate (            -- a job waiting for parents
  id bigint PRIMARY KEY, waits int NOT NULL CONSTRAINT gate_waits_not_negative CHECK (waits >= 0),
  on_fail smallint NOT NULL DEFAULT 0,
  queue_id smallint NOT NULL, lane smallint NOT NULL, rank bigint NOT NULL, key_hash bigint
);
CREATE TABLE job.edge (parent bigint NOT NULL, child bigint NOT NULL, PRIMARY KEY (parent, child));
CREATE INDEX edge_child ON job.edge (child);
-- leader --------------------------------------------------------------------
CREATE TABLE job.leader (
  name text PRIMARY KEY, worker_id bigint NOT NULL, term bigint NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE UNLOGGED TABLE job.progress (
  id bigint PRIMARY KEY, pct real, note text, data jsonb, at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
ALTER TABLE job.ready SET (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0);
ALTER TABLE job.lease SET (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0);
ALTER TABLE job.later SET (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_cost_delay=0);
ALTER TABLE job.body  SET (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_cost_delay=0);
