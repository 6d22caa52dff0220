-- Reports about patients, as PDF in the shared store: of a patient, a language and a layout one for each content.

CREATE TABLE patient_report (
  id           uuid PRIMARY KEY,
  clinic_id    uuid NOT NULL,
  patient_id   uuid NOT NULL,
  language     text NOT NULL CONSTRAINT patient_report_language_known CHECK (language IN ('it', 'en')),
  layout       text NOT NULL,             -- with its version
  content_hash bytea NOT NULL CONSTRAINT patient_report_content_hash_length CHECK (length(content_hash) = 32),
  state        text NOT NULL,             -- of the record, as it was when it was last seen to say just this
  document_id  uuid NOT NULL CONSTRAINT patient_report_document REFERENCES document,
  sha256       bytea NOT NULL CONSTRAINT patient_report_sha256_length CHECK (length(sha256) = 32),
  bytes        bigint NOT NULL,
  value_count  integer NOT NULL,
  requested_by uuid NOT NULL,
  made_at      timestamptz NOT NULL,
  valid_at     timestamptz NOT NULL,
  CONSTRAINT patient_report_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
  CONSTRAINT patient_report_once UNIQUE (patient_id, language, content_hash)
);
CREATE INDEX patient_report_of_patient ON patient_report (patient_id, id DESC);
CREATE UNIQUE INDEX patient_report_of_document ON patient_report (document_id);
