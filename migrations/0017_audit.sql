-- The audit log: who did what to what, from where, and whether it was allowed. Append-only and chained by hashes.
--
-- An entry is written in the transaction of what it tells. It waits in audit_pending until one sealer, in one order for all
-- servers, gives it a place in the chain: hash = SHA-256(hash before it || the entry). A row that is changed, added or removed
-- later does not fit any more.

CREATE TABLE audit_entry (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL,
  who_kind    text NOT NULL CONSTRAINT audit_who_known CHECK (who_kind IN ('person', 'api_key', 'system', 'anonymous')),
  who         uuid,                 -- the person, also behind a key; NULL for the system and for nobody
  via         uuid,                 -- the session or the key
  action      text NOT NULL CONSTRAINT audit_action_length CHECK (length(action) BETWEEN 1 AND 100),
  object_kind text NOT NULL CONSTRAINT audit_object_kind_length CHECK (length(object_kind) BETWEEN 1 AND 50),
  object_id   text CONSTRAINT audit_object_id_length CHECK (length(object_id) <= 200),
  result      text NOT NULL CONSTRAINT audit_result_known CHECK (result IN ('ok', 'refused', 'failed')),
  address     text,
  request_id  text,
  details     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_entry_who ON audit_entry (who, id DESC) WHERE who IS NOT NULL;
CREATE INDEX audit_entry_object ON audit_entry (object_kind, object_id, id DESC);
CREATE INDEX audit_entry_at ON audit_entry (at);

CREATE TABLE audit_pending (
  entry_id bigint PRIMARY KEY
);

CREATE TABLE audit_seal (
  seq       bigint PRIMARY KEY CONSTRAINT audit_seal_positive CHECK (seq > 0),
  entry_id  bigint NOT NULL CONSTRAINT audit_seal_entry_unique UNIQUE,
  hash      bytea NOT NULL CONSTRAINT audit_seal_sha256 CHECK (length(hash) = 32),
  sealed_at timestamptz NOT NULL
);

-- What retention has removed ends here: the chain that is left begins with this hash. One row.
CREATE TABLE audit_anchor (
  one        boolean PRIMARY KEY DEFAULT true CONSTRAINT audit_anchor_one CHECK (one),
  seq        bigint NOT NULL,
  hash       bytea NOT NULL CONSTRAINT audit_anchor_sha256 CHECK (length(hash) = 32),
  removed_at timestamptz NOT NULL
);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_entry_never_changes BEFORE UPDATE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_seal_never_changes BEFORE UPDATE OR TRUNCATE ON audit_seal
  FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
