-- People, their sessions, and what protects both.
--
-- Tokens and passwords never stand here in clear: tokens as SHA-256 (they are random), passwords as argon2id.

CREATE TABLE users (
  id            uuid PRIMARY KEY,
  email         text NOT NULL CONSTRAINT users_email_length CHECK (length(email) BETWEEN 3 AND 254),
  name          text NOT NULL CONSTRAINT users_name_length CHECK (length(name) BETWEEN 1 AND 100),
  role          text NOT NULL DEFAULT 'user' CONSTRAINT users_role_known CHECK (role IN ('user', 'host', 'admin')),
  status        text NOT NULL DEFAULT 'active' CONSTRAINT users_status_known CHECK (status IN ('active', 'disabled')),
  password_hash text NOT NULL,
  language      text NOT NULL DEFAULT 'it' CONSTRAINT users_language_known CHECK (language IN ('it', 'en')),
  phone         text CONSTRAINT users_phone_length CHECK (length(phone) BETWEEN 5 AND 20),
  bio           text CONSTRAINT users_bio_length CHECK (length(bio) <= 2000),
  version       bigint NOT NULL DEFAULT 1,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now()
);
-- Addresses are compared without regard to case.
CREATE UNIQUE INDEX users_email_unique ON users (lower(email));

-- One log-in. Revoking it ends its access and refresh tokens at once.
CREATE TABLE sessions (
  id                uuid PRIMARY KEY,
  user_id           uuid NOT NULL CONSTRAINT sessions_user REFERENCES users ON DELETE CASCADE,
  access_hash       bytea NOT NULL CONSTRAINT sessions_access_hash_sha256 CHECK (length(access_hash) = 32),
  access_expires_at timestamptz NOT NULL,
  address           text,
  user_agent        text CONSTRAINT sessions_user_agent_length CHECK (length(user_agent) <= 300),
  created_at        timestamptz NOT NULL DEFAULT now(),
  revoked_at        timestamptz,
  revoked_why       text
);
CREATE UNIQUE INDEX sessions_access_hash_unique ON sessions (access_hash);
CREATE INDEX sessions_access_expiry ON sessions (access_expires_at); -- pruning
CREATE INDEX sessions_user_live ON sessions (user_id) WHERE revoked_at IS NULL;

-- Every refresh token ever given out in a session: using a used one betrays a thief and revokes the session.
CREATE TABLE session_refresh (
  hash       bytea PRIMARY KEY CONSTRAINT session_refresh_hash_sha256 CHECK (length(hash) = 32),
  session_id uuid NOT NULL CONSTRAINT session_refresh_session REFERENCES sessions ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz
);
CREATE INDEX session_refresh_session ON session_refresh (session_id);
CREATE INDEX session_refresh_expiry ON session_refresh (expires_at);

-- Failed log-ins per account and per address; a row exists for unknown accounts too, so that they look alike.
CREATE TABLE login_failure (
  key          bytea PRIMARY KEY,       -- SHA-256 of 'account:<email>' or 'address:<ip>'
  failures     int NOT NULL CONSTRAINT login_failure_positive CHECK (failures > 0),
  locked_until timestamptz,
  last_at      timestamptz NOT NULL
);
CREATE INDEX login_failure_age ON login_failure (last_at);

-- Answers of writes that carried an Idempotency-Key, stored in the transaction of their effect.
CREATE TABLE idempotency_key (
  key         bytea PRIMARY KEY,        -- SHA-256 of principal, method, route and the client's key
  fingerprint bytea NOT NULL,           -- SHA-256 of the request body
  status      smallint CONSTRAINT idempotency_status_http CHECK (status BETWEEN 200 AND 599), -- NULL while it runs
  headers     jsonb NOT NULL DEFAULT '{}',
  body        bytea,
  created_at  timestamptz NOT NULL,
  CONSTRAINT idempotency_answered_whole CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX idempotency_key_age ON idempotency_key (created_at);

-- What administrators did and what crashed. Append-only.
CREATE TABLE journal (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at       timestamptz NOT NULL,
  actor_id uuid,                        -- the administrator; NULL for the system itself
  action   text NOT NULL CONSTRAINT journal_action_length CHECK (length(action) BETWEEN 1 AND 100),
  target   text NOT NULL,
  reason   text,
  result   text,
  details  jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX journal_at ON journal (at DESC, id DESC);
