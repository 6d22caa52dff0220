-- A file that was accepted for a patient stays until its analysis has made a content of it or refused it: however long that waits,
-- whatever becomes of the account of whoever has sent it. The row that names it is what keeps it.
ALTER TABLE patient_document ADD COLUMN upload_id uuid
  CONSTRAINT patient_document_upload REFERENCES upload ON DELETE SET NULL;
CREATE UNIQUE INDEX patient_document_upload_once ON patient_document (upload_id) WHERE upload_id IS NOT NULL;

-- The text that another analysis has read waits beside that of the one before until its result is there: values that stay keep the
-- text in which they stand.
ALTER TABLE patient_document_text ADD COLUMN next_run integer, ADD COLUMN next_pages jsonb,
  ADD CONSTRAINT patient_document_text_next CHECK ((next_run IS NULL) = (next_pages IS NULL));

-- Clinics take turns at being read. An administrator may change it, as every limit of a queue.
INSERT INTO job.queue (name, fair) VALUES ('reading', true)
ON CONFLICT (name) DO UPDATE SET fair = true, revision = queue.revision + 1;
