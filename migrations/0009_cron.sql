-- Schedules that administrators make, change and pause, and decisions with their reasons.
ALTER TABLE job.cron
  ADD COLUMN description text,
  ADD COLUMN version bigint NOT NULL DEFAULT 1,          -- counts changes by people, not ticks
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN created_by text,
  ADD COLUMN changed_at timestamptz, ADD COLUMN changed_by text,
  ADD COLUMN paused_by text, ADD COLUMN paused_reason text,
  ADD CONSTRAINT cron_key_length CHECK (length(key) BETWEEN 1 AND 127),
  ADD CONSTRAINT cron_missed_max_positive CHECK (missed_max > 0),
  ADD CONSTRAINT cron_missed_within_not_negative CHECK (missed_within >= '0'),
  ADD CONSTRAINT cron_splay_not_negative CHECK (splay >= '0');
-- outcome: fired, skipped or run_now; rows of earlier versions hold the reason after a colon.
ALTER TABLE job.cron_fire ADD COLUMN reason text, ADD COLUMN decided_by text;
