-- Why a queue or a kind is paused stands beside since when and by whom. Additive.
ALTER TABLE job.queue ADD COLUMN paused_why text;
ALTER TABLE job.kind ADD COLUMN paused_why text;
-- What somebody is called who did something: the address of the account whose id is kept, anything else as it is.
CREATE FUNCTION job.called(who text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT u.email FROM users AS u WHERE u.id =
    CASE WHEN who ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN who::uuid END), who)
$$;
-- Jobs that are retried or snoozed, newest first, however many are scheduled; those pay nothing for it.
CREATE INDEX later_again ON job.later (why, id) WHERE why > 0;
