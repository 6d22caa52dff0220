-- The notary desk: certified mail (PEC), its receipts, and how an act was handed over.
--
-- What was sent is kept: with its act for good (L. 89/1913, art. 61), else as a letter for ten years (art. 2220 c.c.).

-- Mails that an office writes often. Its fields are `{{name}}`.
CREATE TABLE certified_mail_template (
  id          uuid PRIMARY KEY,
  notary_id   uuid NOT NULL CONSTRAINT certified_mail_template_notary REFERENCES notary ON DELETE CASCADE,
  name        text NOT NULL CONSTRAINT certified_mail_template_name_length CHECK (length(name) BETWEEN 1 AND 200),
  description text NOT NULL DEFAULT '' CONSTRAINT certified_mail_template_description_length CHECK (length(description) <= 1000),
  subject     text NOT NULL CONSTRAINT certified_mail_template_subject_length CHECK (length(subject) BETWEEN 1 AND 500),
  body        text NOT NULL CONSTRAINT certified_mail_template_body_length CHECK (length(body) BETWEEN 1 AND 50000),
  is_active   boolean NOT NULL DEFAULT true, -- drafts can be made of it
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  CONSTRAINT certified_mail_template_name_once UNIQUE (notary_id, name)
);

CREATE TABLE certified_mail (
  id           uuid PRIMARY KEY,
  notary_id    uuid NOT NULL CONSTRAINT certified_mail_notary REFERENCES notary,
  act_id       uuid,                        -- what it is about
  status       text NOT NULL DEFAULT 'draft' CONSTRAINT certified_mail_status_known CHECK (status IN (
                 'draft', 'queued', 'sent', 'delivered', 'failed', 'quarantined')),
  subject      text NOT NULL CONSTRAINT certified_mail_subject_length CHECK (length(subject) <= 500),
  body         text NOT NULL CONSTRAINT certified_mail_body_length CHECK (length(body) <= 50000),
  -- Fixed when it is put into the queue.
  sender_name  text CONSTRAINT certified_mail_sender_name_length CHECK (length(sender_name) <= 200),
  sender       text CONSTRAINT certified_mail_sender_length CHECK (length(sender) <= 320),
  sending      int NOT NULL DEFAULT 0,      -- counts how often it was put into the queue: a part of its Message-ID
  tries        int NOT NULL DEFAULT 0,      -- of this sending, so far
  next_try_at  timestamptz,                 -- not before; while one is under way, when it is over at the latest
  message_id   text CONSTRAINT certified_mail_message_id_length CHECK (length(message_id) <= 500),
  bytes        bigint CONSTRAINT certified_mail_bytes_positive CHECK (bytes > 0), -- of the mail as it is sent, once that is known
  problem      text CONSTRAINT certified_mail_problem_length CHECK (length(problem) BETWEEN 1 AND 1000),
  created_by   uuid NOT NULL,
  queued_by    uuid,
  queued_at    timestamptz,
  submitted_at timestamptz,                 -- the provider has it, and its receipt of acceptance is waited for
  sent_at      timestamptz,
  delivered_at timestamptz,
  failed_at    timestamptz,
  version      bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  CONSTRAINT certified_mail_act FOREIGN KEY (act_id, notary_id) REFERENCES act (id, notary_id),
  CONSTRAINT certified_mail_queued_whole CHECK (
    status = 'draft' OR (queued_at IS NOT NULL AND sender IS NOT NULL AND message_id IS NOT NULL AND sending > 0)),
  CONSTRAINT certified_mail_sent_when CHECK (status NOT IN ('sent', 'delivered') OR sent_at IS NOT NULL),
  CONSTRAINT certified_mail_delivered_when CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
  CONSTRAINT certified_mail_failed_why CHECK (status NOT IN ('failed', 'quarantined') OR problem IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX certified_mail_notary ON certified_mail (notary_id, id DESC);
CREATE INDEX certified_mail_act_id ON certified_mail (act_id, id DESC) WHERE act_id IS NOT NULL;
CREATE INDEX certified_mail_queued ON certified_mail (queued_at) WHERE status = 'queued';
CREATE INDEX certified_mail_old ON certified_mail (updated_at) WHERE act_id IS NULL OR status = 'draft';

-- To whom, in the order in which the mail names them.
CREATE TABLE certified_mail_recipient (
  mail_id      uuid NOT NULL CONSTRAINT certified_mail_recipient_mail REFERENCES certified_mail ON DELETE CASCADE,
  position     smallint NOT NULL CONSTRAINT certified_mail_recipient_position CHECK (position BETWEEN 1 AND 50),
  kind         text NOT NULL CONSTRAINT certified_mail_recipient_kind_known CHECK (kind IN ('to', 'cc', 'bcc')),
  address      text NOT NULL CONSTRAINT certified_mail_recipient_address_length CHECK (length(address) BETWEEN 3 AND 254),
  name         text NOT NULL DEFAULT '' CONSTRAINT certified_mail_recipient_name_length CHECK (length(name) <= 200),
  delivered_at timestamptz,
  failed_at    timestamptz,
  problem      text CONSTRAINT certified_mail_recipient_problem_length CHECK (length(problem) BETWEEN 1 AND 1000),
  PRIMARY KEY (mail_id, position),
  CONSTRAINT certified_mail_recipient_once UNIQUE (mail_id, address)
);

CREATE INDEX certified_mail_recipient_address ON certified_mail_recipient (address);

-- Documents that go along. Which bytes these are is fixed when the mail is put into the queue, and held from then on.
CREATE TABLE certified_mail_attachment (
  mail_id     uuid NOT NULL CONSTRAINT certified_mail_attachment_mail REFERENCES certified_mail ON DELETE CASCADE,
  position    smallint NOT NULL CONSTRAINT certified_mail_attachment_position CHECK (position BETWEEN 1 AND 20),
  document_id uuid NOT NULL,
  number      int CONSTRAINT certified_mail_attachment_number_positive CHECK (number > 0), -- of a draft NULL: the newest
  sha256      bytea CONSTRAINT certified_mail_attachment_sha256 CHECK (length(sha256) = 32), -- NULL: not fixed yet
  PRIMARY KEY (mail_id, position),
  CONSTRAINT certified_mail_attachment_fixed CHECK (sha256 IS NULL OR number IS NOT NULL)
);
CREATE INDEX certified_mail_attachment_document ON certified_mail_attachment (document_id);

-- What providers have certified, each as the mail that they sent: a document.
CREATE TABLE certified_mail_receipt (
  id          uuid PRIMARY KEY,
  mail_id     uuid NOT NULL CONSTRAINT certified_mail_receipt_mail REFERENCES certified_mail ON DELETE CASCADE,
  sending     int NOT NULL,
  kind        text NOT NULL CONSTRAINT certified_mail_receipt_kind_known CHECK (kind IN (
                'acceptance', 'non_acceptance', 'taken_in_charge', 'delivery', 'delivery_error', 'delivery_warning', 'virus')),
  recipient   text NOT NULL DEFAULT '' CONSTRAINT certified_mail_receipt_recipient_length CHECK (length(recipient) <= 254), -- '': of all
  identifier  text NOT NULL CONSTRAINT certified_mail_receipt_identifier_length CHECK (length(identifier) <= 500), -- the provider's
  provider    text NOT NULL CONSTRAINT certified_mail_receipt_provider_length CHECK (length(provider) <= 200),
  problem     text CONSTRAINT certified_mail_receipt_problem_length CHECK (length(problem) BETWEEN 1 AND 1000),
  certified_at timestamptz NOT NULL,        -- as it says
  document_id uuid NOT NULL CONSTRAINT certified_mail_receipt_document REFERENCES document,
  taken_at    timestamptz NOT NULL,
  CONSTRAINT certified_mail_receipt_once UNIQUE (mail_id, sending, kind, recipient)
);
CREATE INDEX certified_mail_receipt_document ON certified_mail_receipt (document_id);

-- An act is sent by certified mail, or handed over as the office says.
ALTER TABLE act ADD COLUMN handed_over text CONSTRAINT act_handed_over_length CHECK (length(handed_over) BETWEEN 1 AND 1000);

-- The nightly job that removes old appointments walks these.
CREATE INDEX appointment_ended ON appointment (ended_at) WHERE ended_at IS NOT NULL;
