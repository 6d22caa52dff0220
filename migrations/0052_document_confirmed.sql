-- A document that names somebody else, of which somebody has confirmed that it is the patient's.
ALTER TABLE patient_document
  ADD COLUMN confirmed_by uuid,
  ADD COLUMN confirmed_at timestamptz,
  ADD CONSTRAINT patient_document_confirmed_by_somebody CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL));
