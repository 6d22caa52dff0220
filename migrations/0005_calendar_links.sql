-- Calendar programs cannot send an Authorization header: a person may have one secret link to the own bookings.
-- The secret is random and stands here as its SHA-256 only; a new link replaces the old one.
CREATE TABLE calendar_links (
  user_id    uuid PRIMARY KEY CONSTRAINT calendar_links_user REFERENCES users ON DELETE CASCADE,
  hash       bytea NOT NULL CONSTRAINT calendar_links_hash_sha256 CHECK (length(hash) = 32),
  created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX calendar_links_hash_unique ON calendar_links (hash);
