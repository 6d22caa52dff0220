-- Documents of all desks: uploaded in parts, checked, stored, versioned, shared, and counted.
--
-- The bytes are objects of the storage; rows name them. An object without a row is an orphan and is collected; a row never
-- names a missing object.

CREATE TABLE document (
  id             uuid PRIMARY KEY,
  owner_id       uuid NOT NULL CONSTRAINT document_owner REFERENCES users,
  title          text NOT NULL CONSTRAINT document_title_length CHECK (length(title) BETWEEN 1 AND 200),
  desk           text NOT NULL DEFAULT 'personal' CONSTRAINT document_desk_length CHECK (length(desk) BETWEEN 1 AND 50),
  latest         int NOT NULL CONSTRAINT document_latest_positive CHECK (latest > 0), -- the number of its newest version
  version        bigint NOT NULL DEFAULT 1, -- counts every change: its ETag
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  deleted_at     timestamptz,
  keep_until     date                       -- the law forbids to delete it before
);
CREATE INDEX document_owner_newest ON document (owner_id, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX document_deleted ON document (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE document_version (
  document_id  uuid NOT NULL CONSTRAINT document_version_document REFERENCES document ON DELETE CASCADE,
  number       int NOT NULL CONSTRAINT document_version_positive CHECK (number > 0),
  object       text NOT NULL CONSTRAINT document_version_object_unique UNIQUE, -- its key in the storage
  name         text NOT NULL CONSTRAINT document_version_name_length CHECK (length(name) BETWEEN 1 AND 200),
  media_type   text NOT NULL,               -- found out, not believed
  bytes        bigint NOT NULL CONSTRAINT document_version_bytes_some CHECK (bytes > 0),
  sha256       bytea NOT NULL CONSTRAINT document_version_sha256 CHECK (length(sha256) = 32), -- of the content as it was sent
  stored_bytes bigint NOT NULL,
  coding       text NOT NULL DEFAULT 'identity' CONSTRAINT document_version_coding_known CHECK (coding IN ('identity', 'zstd')),
  key_id       text,                        -- the key of the ring that wraps wrapped_key; NULL: not sealed
  wrapped_key  bytea,
  scanned_by   text,                        -- the virus scanner and its data; NULL: none is configured
  uploaded_by  uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  PRIMARY KEY (document_id, number),
  CONSTRAINT document_version_sealed_whole CHECK ((key_id IS NULL) = (wrapped_key IS NULL))
);

-- What a person has stored, and what of it is still arriving: both count against the quota.
CREATE TABLE document_quota (
  user_id  uuid PRIMARY KEY CONSTRAINT document_quota_user REFERENCES users ON DELETE CASCADE,
  stored   bigint NOT NULL DEFAULT 0 CONSTRAINT document_quota_stored CHECK (stored >= 0),
  arriving bigint NOT NULL DEFAULT 0 CONSTRAINT document_quota_arriving CHECK (arriving >= 0)
);

-- A file on its way (tus 1.0). `received` is the truth about the offset.
CREATE TABLE upload (
  id            uuid PRIMARY KEY,
  user_id       uuid NOT NULL CONSTRAINT upload_user REFERENCES users ON DELETE CASCADE,
  document_id   uuid,                       -- a new version of it; NULL: a new document
  based_on      bigint,                     -- the version of the document it replaces (If-Match)
  title         text,
  desk          text NOT NULL DEFAULT 'personal',
  name          text NOT NULL,
  declared_type text,
  length        bigint NOT NULL CONSTRAINT upload_length_positive CHECK (length > 0),
  received      bigint NOT NULL DEFAULT 0,
  state         text NOT NULL DEFAULT 'receiving'
                  CONSTRAINT upload_state_known CHECK (state IN ('receiving', 'finishing', 'done', 'refused')),
  result_id     uuid,                       -- the document it has become
  problem       jsonb,                      -- why it was refused
  created_at    timestamptz NOT NULL,
  updated_at    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  CONSTRAINT upload_received_within CHECK (received BETWEEN 0 AND length)
);
CREATE INDEX upload_user ON upload (user_id, id DESC);
CREATE INDEX upload_expiry ON upload (expires_at);

CREATE TABLE upload_part (
  upload_id uuid NOT NULL CONSTRAINT upload_part_upload REFERENCES upload ON DELETE CASCADE,
  "offset"  bigint NOT NULL,
  bytes     int NOT NULL CONSTRAINT upload_part_bytes_some CHECK (bytes > 0),
  object    text NOT NULL,
  PRIMARY KEY (upload_id, "offset")
);

CREATE TABLE document_permission (
  document_id uuid NOT NULL CONSTRAINT document_permission_document REFERENCES document ON DELETE CASCADE,
  user_id     uuid NOT NULL CONSTRAINT document_permission_user REFERENCES users ON DELETE CASCADE,
  can_read    boolean NOT NULL,
  can_write   boolean NOT NULL,
  can_delete  boolean NOT NULL,
  can_share   boolean NOT NULL,
  granted_by  uuid NOT NULL,
  granted_at  timestamptz NOT NULL,
  expires_at  timestamptz,
  PRIMARY KEY (document_id, user_id),
  -- Who may do anything may read.
  CONSTRAINT document_permission_reads CHECK (can_read)
);
CREATE INDEX document_permission_user ON document_permission (user_id, document_id DESC);

CREATE TABLE document_link (
  id             uuid PRIMARY KEY,
  hash           bytea NOT NULL CONSTRAINT document_link_hash_sha256 CHECK (length(hash) = 32),
  document_id    uuid NOT NULL CONSTRAINT document_link_document REFERENCES document ON DELETE CASCADE,
  number         int NOT NULL,              -- the version it opens
  created_by     uuid NOT NULL,
  created_at     timestamptz NOT NULL,
  expires_at     timestamptz NOT NULL,
  revoked_at     timestamptz,
  downloads      int NOT NULL DEFAULT 0,
  max_downloads  int CONSTRAINT document_link_max_positive CHECK (max_downloads > 0)
);
CREATE UNIQUE INDEX document_link_hash_unique ON document_link (hash);
CREATE INDEX document_link_document ON document_link (document_id, id DESC);
CREATE INDEX document_link_expiry ON document_link (expires_at);
