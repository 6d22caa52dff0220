-- Documents of patients that wait or are being read: those whose job has ended without them are looked for every minute.

CREATE INDEX patient_document_open ON patient_document (id) WHERE status IN ('pending', 'processing');
