-- The newest patients of a clinic by what lists ask for: archived or not, with or without consent, however few there are of them.
-- The expression is that of src/clinic/patients/list.rs.
CREATE INDEX patient_shelf ON patient
  (clinic_id, (((archived_at IS NOT NULL)::int + 2 * (consented_at IS NOT NULL)::int)), id DESC) WHERE merged_into IS NULL;

-- Answers about patients that are kept to be repeated: they go with the patient.
CREATE INDEX idempotency_key_clinic ON idempotency_key ((headers ->> 'location') COLLATE "C")
  WHERE headers ->> 'location' LIKE '/api/v1/clinic/%';
