-- How people prove who they are, beyond the password: addresses, second factors, keys for programs; and what they agreed to.
--
-- Secrets never stand here in clear: what is random is stored as SHA-256, the secret of a second factor is sealed.

ALTER TABLE users
  ADD COLUMN email_verified_at timestamptz,
  ADD COLUMN erased_at timestamptz; -- the person was erased: what is left is what the law keeps

-- The second factor (RFC 6238). One without confirmed_at is being enrolled and asks nobody for anything.
CREATE TABLE totp (
  user_id      uuid PRIMARY KEY CONSTRAINT totp_user REFERENCES users ON DELETE CASCADE,
  secret       bytea NOT NULL,              -- sealed; bound to user_id
  last_step    bigint NOT NULL DEFAULT 0,   -- of the last code that was accepted: each is good once
  created_at   timestamptz NOT NULL,
  confirmed_at timestamptz
);

-- Codes for the day the telephone is lost: each good once.
CREATE TABLE recovery_code (
  user_id uuid NOT NULL CONSTRAINT recovery_code_user REFERENCES users ON DELETE CASCADE,
  hash    bytea NOT NULL CONSTRAINT recovery_code_hash_sha256 CHECK (length(hash) = 32),
  used_at timestamptz,
  PRIMARY KEY (user_id, hash)
);

-- Tokens that prove one thing once: that a mail was read, or that a log-in has passed its password.
CREATE TABLE account_token (
  hash       bytea PRIMARY KEY CONSTRAINT account_token_hash_sha256 CHECK (length(hash) = 32),
  user_id    uuid NOT NULL CONSTRAINT account_token_user REFERENCES users ON DELETE CASCADE,
  purpose    text NOT NULL CONSTRAINT account_token_purpose_known
               CHECK (purpose IN ('verify_email', 'reset_password', 'log_in')),
  -- What it was given for: worthless once the account has another address (verify_email) or password (the others).
  bound_to   bytea NOT NULL CONSTRAINT account_token_bound_sha256 CHECK (length(bound_to) = 32),
  tries      smallint NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX account_token_user ON account_token (user_id, purpose);
CREATE INDEX account_token_expiry ON account_token (expires_at);

-- Keys for programs, made by a person and never able to do more than that person.
CREATE TABLE api_key (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL CONSTRAINT api_key_user REFERENCES users ON DELETE CASCADE,
  name           text NOT NULL CONSTRAINT api_key_name_length CHECK (length(name) BETWEEN 1 AND 100),
  hash           bytea NOT NULL CONSTRAINT api_key_hash_sha256 CHECK (length(hash) = 32),
  hint           text NOT NULL,             -- its first characters, by which its owner knows it
  scopes         text[] NOT NULL CONSTRAINT api_key_scopes_some CHECK (cardinality(scopes) BETWEEN 1 AND 50),
  quota_per_hour int NOT NULL CONSTRAINT api_key_quota_positive CHECK (quota_per_hour > 0),
  expires_at     timestamptz,
  last_used_at   timestamptz,
  version        bigint NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL,
  revoked_at     timestamptz
);
CREATE UNIQUE INDEX api_key_hash_unique ON api_key (hash);
CREATE INDEX api_key_user ON api_key (user_id, id);

-- Requests of a key in one hour, counted for all servers in one row.
CREATE TABLE api_key_hour (
  key_id uuid NOT NULL CONSTRAINT api_key_hour_key REFERENCES api_key ON DELETE CASCADE,
  hour   timestamptz NOT NULL,
  used   int NOT NULL CONSTRAINT api_key_hour_positive CHECK (used > 0),
  PRIMARY KEY (key_id, hour)
);
CREATE INDEX api_key_hour_age ON api_key_hour (hour);

-- What people agreed to and took back. Append-only: the newest row of a purpose counts.
CREATE TABLE consent (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id  uuid NOT NULL CONSTRAINT consent_user REFERENCES users ON DELETE CASCADE,
  purpose  text NOT NULL CONSTRAINT consent_purpose_length CHECK (length(purpose) BETWEEN 1 AND 50),
  wording  text NOT NULL CONSTRAINT consent_wording_length CHECK (length(wording) BETWEEN 1 AND 50), -- the version agreed to
  is_given boolean NOT NULL,
  at       timestamptz NOT NULL,
  address  text
);
CREATE INDEX consent_user_newest ON consent (user_id, purpose, id DESC);
