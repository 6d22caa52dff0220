-- Signatures and time stamps: the built-in authority, people's certificates, and time stamps of documents.

-- Private keys are sealed; key_id is the key of the ring that seals them. The root's key is nowhere.
CREATE TABLE signing_authority (
  generation        int PRIMARY KEY CONSTRAINT signing_authority_generation CHECK (generation > 0),
  label             text NOT NULL,
  root              bytea NOT NULL,
  issuing           bytea NOT NULL,
  issuing_serial    bytea NOT NULL,
  issuing_key       bytea NOT NULL,
  time_stamp        bytea NOT NULL,
  time_stamp_serial bytea NOT NULL,
  time_stamp_key    bytea NOT NULL,
  key_id            text NOT NULL,
  not_before        timestamptz NOT NULL,
  not_after         timestamptz NOT NULL,
  created_at        timestamptz NOT NULL
);

CREATE TABLE signing_certificate (
  serial      bytea PRIMARY KEY,
  user_id     uuid NOT NULL CONSTRAINT signing_certificate_user REFERENCES users ON DELETE CASCADE,
  generation  int NOT NULL CONSTRAINT signing_certificate_authority REFERENCES signing_authority,
  names       text NOT NULL,                -- what it says of the person; empty when they were erased
  certificate bytea,
  key_id      text,                         -- without a key nobody signs with it any more
  key         bytea,
  not_before  timestamptz NOT NULL,
  not_after   timestamptz NOT NULL,
  revoked_at  timestamptz,
  created_at  timestamptz NOT NULL,
  CONSTRAINT signing_certificate_key_whole CHECK ((key IS NULL) = (key_id IS NULL)),
  CONSTRAINT signing_certificate_key_certified CHECK (key IS NULL OR (certificate IS NOT NULL AND revoked_at IS NULL))
);
CREATE UNIQUE INDEX signing_certificate_current ON signing_certificate (user_id) WHERE key IS NOT NULL;
CREATE INDEX signing_certificate_user_all ON signing_certificate (user_id);
CREATE INDEX signing_certificate_revoked ON signing_certificate (revoked_at) WHERE revoked_at IS NOT NULL;

-- That a version of a document was there at a time (RFC 3161).
CREATE TABLE document_time_stamp (
  id           uuid PRIMARY KEY,
  document_id  uuid NOT NULL,
  number       int NOT NULL,
  reply        bytea NOT NULL,              -- the answer of the authority, with the token
  serial       bytea NOT NULL,
  stamped_at   timestamptz NOT NULL,
  requested_by uuid NOT NULL,
  created_at   timestamptz NOT NULL,
  CONSTRAINT document_time_stamp_version FOREIGN KEY (document_id, number)
    REFERENCES document_version (document_id, number) ON DELETE CASCADE
);
CREATE INDEX document_time_stamp_newest ON document_time_stamp (document_id, id DESC);
CREATE INDEX document_time_stamp_requested_by ON document_time_stamp (requested_by, id);
