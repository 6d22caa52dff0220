-- Files of patients: held by the clinic desk, and nobody's. And the task of their analysis.
--
-- A document without an owner belongs to the desk that holds it: no rule of the shared store lets anybody see it, so that only
-- the desk's own does. Its size is in nobody's quota.

ALTER TABLE document ALTER COLUMN owner_id DROP NOT NULL;

-- Tasks have numbers.
ALTER TABLE patient_document DROP COLUMN job_id;
ALTER TABLE patient_document ADD COLUMN job_id bigint;
