-- The deeds of signed acts, and requests to sign a document.

-- What was signed: the document, its hash, the certificate's number, and the time stamp over the signature. Written by the
-- statement that signs. (Demonstration data have acts that nobody has signed here; they have none.)
ALTER TABLE act
  ADD COLUMN signed_document_id uuid CONSTRAINT act_signed_document REFERENCES document
                                     CONSTRAINT act_signed_document_once UNIQUE,
  ADD COLUMN signed_sha256      bytea CONSTRAINT act_signed_sha256 CHECK (length(signed_sha256) = 32),
  ADD COLUMN signed_certificate bytea,
  ADD COLUMN stamped_at         timestamptz,
  ADD CONSTRAINT act_signed_deed_whole CHECK (
    num_nonnulls(signed_document_id, signed_sha256, signed_certificate, stamped_at) IN (0, 4)),
  ADD CONSTRAINT act_signed_deed_when CHECK (signed_document_id IS NULL OR signed_at IS NOT NULL);

-- The office asks somebody of the case to sign a PDF. Signing makes a new version of the document.
CREATE TABLE signature_request (
  id                 uuid PRIMARY KEY,
  act_id             uuid NOT NULL CONSTRAINT signature_request_act REFERENCES act,
  document_id        uuid CONSTRAINT signature_request_document REFERENCES document ON DELETE SET NULL,
  number             int NOT NULL CONSTRAINT signature_request_number CHECK (number > 0), -- the version that is to be signed
  title              text NOT NULL CONSTRAINT signature_request_title_length CHECK (length(title) <= 200),
  signer_id          uuid NOT NULL CONSTRAINT signature_request_signer REFERENCES users ON DELETE CASCADE,
  signer_is          text NOT NULL CONSTRAINT signature_request_signer_known CHECK (signer_is IN ('client', 'partner', 'notary')),
  requested_by       uuid NOT NULL,
  message            text NOT NULL DEFAULT '' CONSTRAINT signature_request_message_length CHECK (length(message) <= 1000),
  status             text NOT NULL DEFAULT 'pending' CONSTRAINT signature_request_status_known CHECK (status IN (
                       'pending', 'signed', 'rejected', 'expired')),
  reason             text CONSTRAINT signature_request_reason_length CHECK (length(reason) BETWEEN 1 AND 1000), -- of refusing
  code_hash          bytea CONSTRAINT signature_request_code_sha256 CHECK (length(code_hash) = 32),
  code_tries         smallint NOT NULL DEFAULT 0 CONSTRAINT signature_request_code_tries CHECK (code_tries >= 0),
  code_expires_at    timestamptz,
  codes_sent         smallint NOT NULL DEFAULT 0 CONSTRAINT signature_request_codes_sent CHECK (codes_sent >= 0),
  signed_number      int,                   -- the version that is signed
  signed_certificate bytea,
  stamped_at         timestamptz,
  decided_at         timestamptz,
  expires_at         timestamptz NOT NULL,
  version            bigint NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  CONSTRAINT signature_request_decided_when CHECK ((status = 'pending') = (decided_at IS NULL)),
  CONSTRAINT signature_request_signed_whole CHECK (
    num_nonnulls(signed_number, signed_certificate, stamped_at) = CASE WHEN status = 'signed' THEN 3 ELSE 0 END),
  CONSTRAINT signature_request_code_whole CHECK ((code_hash IS NULL) = (code_expires_at IS NULL)),
  CONSTRAINT signature_request_code_pending CHECK (code_hash IS NULL OR status = 'pending')
) WITH (fillfactor = 85);
-- One open request for each document and person.
CREATE UNIQUE INDEX signature_request_open ON signature_request (document_id, signer_id) WHERE status = 'pending';
CREATE INDEX signature_request_act ON signature_request (act_id, id DESC);
CREATE INDEX signature_request_signer ON signature_request (signer_id, id DESC);
CREATE INDEX signature_request_requested_by ON signature_request (requested_by);
CREATE INDEX signature_request_expiry ON signature_request (expires_at) WHERE status = 'pending';
