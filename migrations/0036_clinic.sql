-- The clinic desk: clinics, who works there, and their patients.
--
-- A patient is no account: what becomes of a patient's things is the clinic's and the law's business (src/clinic/retention.rs),
-- not that of whoever wrote it down. Every table that hangs from a patient has a line in src/clinic/patients/held.rs.

CREATE EXTENSION IF NOT EXISTS btree_gin; -- trusted, as the others: a clinic and words in one index

CREATE TABLE clinic (
  id         uuid PRIMARY KEY,
  name       text NOT NULL CONSTRAINT clinic_name_length CHECK (length(name) BETWEEN 1 AND 200),
  street     text CONSTRAINT clinic_street_length CHECK (length(street) BETWEEN 1 AND 200),
  city       text NOT NULL CONSTRAINT clinic_city_length CHECK (length(city) BETWEEN 1 AND 100),
  province   text CONSTRAINT clinic_province_form CHECK (province ~ '^[A-Z]{2}$'),
  phone      text CONSTRAINT clinic_phone_length CHECK (length(phone) BETWEEN 5 AND 20),
  email      text CONSTRAINT clinic_email_length CHECK (length(email) BETWEEN 3 AND 254),
  tier       text NOT NULL DEFAULT 'demo' CONSTRAINT clinic_tier_known CHECK (tier IN ('demo', 'basic', 'professional')),
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);

-- Nobody works in two clinics.
CREATE TABLE clinic_member (
  user_id     uuid PRIMARY KEY CONSTRAINT clinic_member_user REFERENCES users ON DELETE CASCADE,
  clinic_id   uuid NOT NULL CONSTRAINT clinic_member_clinic REFERENCES clinic,
  job_title   text NOT NULL DEFAULT '' CONSTRAINT clinic_member_job_title_length CHECK (length(job_title) <= 100),
  permissions text[] NOT NULL DEFAULT '{}' CONSTRAINT clinic_member_permissions_known CHECK (permissions <@
                '{read_patients,write_patients,write_documents,write_analyses,write_reports,manage_members,merge_patients}'),
  agreed_at   timestamptz,               -- from then on the person works there
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL
);
CREATE INDEX clinic_member_clinic ON clinic_member (clinic_id, user_id);

CREATE TABLE patient (
  id                    uuid PRIMARY KEY,
  clinic_id             uuid NOT NULL CONSTRAINT patient_clinic REFERENCES clinic,
  medical_record_number text NOT NULL CONSTRAINT patient_mrn_form CHECK (
                          medical_record_number ~ '^[A-Z0-9]([-/.]?[A-Z0-9])*$' AND length(medical_record_number) BETWEEN 3 AND 20),
  first_name            text NOT NULL CONSTRAINT patient_first_name_length CHECK (length(first_name) BETWEEN 1 AND 100),
  last_name             text NOT NULL CONSTRAINT patient_last_name_length CHECK (length(last_name) BETWEEN 1 AND 100),
  name_key              text NOT NULL,   -- the name as it is compared: src/clinic/rules/patient/duplicates.rs
  born_on               date,            -- of an anonymised patient the first of January, or nothing
  sex                   text NOT NULL CONSTRAINT patient_sex_known CHECK (sex IN ('female', 'male', 'other')),
  fiscal_code           text CONSTRAINT patient_fiscal_code_form CHECK (fiscal_code ~ '^([A-Z0-9]{16}|[0-9]{11})$'),
  email                 text CONSTRAINT patient_email_length CHECK (length(email) BETWEEN 3 AND 254),
  phone                 text CONSTRAINT patient_phone_length CHECK (length(phone) BETWEEN 5 AND 20),
  insurance             text CONSTRAINT patient_insurance_length CHECK (length(insurance) BETWEEN 1 AND 200),
  referring_physician   text CONSTRAINT patient_physician_length CHECK (length(referring_physician) BETWEEN 1 AND 200),
  partner_patient_id    uuid,
  lifestyle             jsonb NOT NULL DEFAULT '{}' CONSTRAINT patient_lifestyle_size CHECK (length(lifestyle::text) <= 1000),
  notes                 text NOT NULL DEFAULT '' CONSTRAINT patient_notes_length CHECK (length(notes) <= 4000),
  consented_at          timestamptz,     -- what the newest row of patient_consent says
  last_entry_at         timestamptz NOT NULL, -- retention counts from it
  archived_at           timestamptz,
  anonymised_at         timestamptz,
  merged_into           uuid CONSTRAINT patient_merged_into REFERENCES patient, -- never one that was merged itself
  version               bigint NOT NULL DEFAULT 1,
  created_at            timestamptz NOT NULL,
  updated_at            timestamptz NOT NULL,
  -- Names, number and fiscal code as words of letters and digits; without a parser, to which 12E3 is a number.
  search tsvector NOT NULL GENERATED ALWAYS AS (array_to_tsvector(array_remove(string_to_array(
           name_key || ' ' || regexp_replace(lower(medical_record_number), '[^a-z0-9]+', '', 'g') || ' '
           || lower(coalesce(fiscal_code, '')), ' '), ''))) STORED,
  CONSTRAINT patient_mrn_unique UNIQUE (clinic_id, medical_record_number),
  CONSTRAINT patient_of_clinic UNIQUE (clinic_id, id), -- also walked for lists, newest first
  -- A partner is a patient of the same clinic.
  CONSTRAINT patient_partner FOREIGN KEY (clinic_id, partner_patient_id) REFERENCES patient (clinic_id, id),
  CONSTRAINT patient_partner_other CHECK (partner_patient_id <> id),
  CONSTRAINT patient_merged_other CHECK (merged_into <> id),
  CONSTRAINT patient_anonymised_archived CHECK (anonymised_at IS NULL OR archived_at IS NOT NULL),
  CONSTRAINT patient_born CHECK (born_on IS NOT NULL OR anonymised_at IS NOT NULL)
);
CREATE INDEX patient_search ON patient USING gin (clinic_id, search);
-- Duplicates: who shares a name, a day of birth or a fiscal code within a clinic is a handful, and is compared by the rule.
CREATE INDEX patient_name_key ON patient (clinic_id, name_key) WHERE merged_into IS NULL;
CREATE INDEX patient_born_on ON patient (clinic_id, born_on) WHERE merged_into IS NULL;
CREATE INDEX patient_fiscal_code ON patient (clinic_id, fiscal_code) WHERE fiscal_code IS NOT NULL AND merged_into IS NULL;
CREATE INDEX patient_partner_of ON patient (clinic_id, partner_patient_id) WHERE partner_patient_id IS NOT NULL;
CREATE INDEX patient_merged_into ON patient (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX patient_kept_since ON patient (last_entry_at) WHERE anonymised_at IS NULL AND merged_into IS NULL;

-- What patients agreed to and took back, as somebody of the clinic wrote it down.
CREATE TABLE patient_consent (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  patient_id  uuid NOT NULL CONSTRAINT patient_consent_patient REFERENCES patient,
  is_given    boolean NOT NULL,
  wording     text CONSTRAINT patient_consent_wording_length CHECK (length(wording) BETWEEN 1 AND 50),
  note        text NOT NULL DEFAULT '' CONSTRAINT patient_consent_note_length CHECK (length(note) <= 1000),
  recorded_by uuid NOT NULL,
  at          timestamptz NOT NULL,
  CONSTRAINT patient_consent_to_what CHECK (is_given = (wording IS NOT NULL))
);
CREATE INDEX patient_consent_newest ON patient_consent (patient_id, id DESC);

-- Rows go to another patient when patients are merged, and lose their note when the patient is anonymised.
CREATE FUNCTION patient_consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (NEW.id, NEW.is_given, NEW.wording, NEW.recorded_by, NEW.at)
     IS DISTINCT FROM (OLD.id, OLD.is_given, OLD.wording, OLD.recorded_by, OLD.at)
     OR (NEW.note <> OLD.note AND NEW.note <> '') THEN
    RAISE EXCEPTION 'the history of consents is append-only' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER patient_consent_never_changes BEFORE UPDATE OR DELETE ON patient_consent
  FOR EACH ROW EXECUTE FUNCTION patient_consent_is_append_only();

CREATE TABLE patient_merge (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id uuid NOT NULL CONSTRAINT patient_merge_source REFERENCES patient,
  target_id uuid NOT NULL CONSTRAINT patient_merge_target REFERENCES patient, -- as it was then: it may have been merged since
  filled    text[] NOT NULL,             -- what the target did not have and got from the source
  moved     jsonb NOT NULL,              -- how many rows of which table
  merged_by uuid NOT NULL,
  merged_at timestamptz NOT NULL,
  CONSTRAINT patient_merge_once UNIQUE (source_id)
);
CREATE INDEX patient_merge_target ON patient_merge (target_id, id DESC);
