-- Sharing of documents: what is needed to find what has expired, and to count each download by a link once.

CREATE INDEX document_permission_expiry ON document_permission (expires_at) WHERE expires_at IS NOT NULL;

-- Who is downloading by a link: parts of a download that has begun are not counted again. `client` is a SHA-256 of link and
-- network address; rows go after an hour.
CREATE TABLE document_link_use (
  link_id  uuid NOT NULL CONSTRAINT document_link_use_link REFERENCES document_link ON DELETE CASCADE,
  client   bytea NOT NULL CONSTRAINT document_link_use_sha256 CHECK (length(client) = 32),
  begun_at timestamptz NOT NULL,
  PRIMARY KEY (link_id, client)
);
CREATE INDEX document_link_use_age ON document_link_use (begun_at);
