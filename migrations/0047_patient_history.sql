-- What is known of tubes, cycle and endometriosis (crate::clinic::patients::History), beside how a patient lives.
ALTER TABLE patient ADD COLUMN history jsonb NOT NULL DEFAULT '{}'
  CONSTRAINT patient_history_size CHECK (length(history::text) <= 1000);
