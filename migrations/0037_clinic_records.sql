-- The clinic desk: documents of patients, the values and graded analyses that were read in them or entered, and the score.
--
-- All of it hangs from a patient: what becomes of it when records are merged or made anonymous is in src/clinic/patients/held.rs.

CREATE TABLE patient_document (
  id           uuid PRIMARY KEY,
  clinic_id    uuid NOT NULL,
  patient_id   uuid NOT NULL,
  document_id  uuid CONSTRAINT patient_document_document REFERENCES document, -- in the shared store; none: it was taken away for good
  kind         text NOT NULL CONSTRAINT patient_document_kind_known CHECK (kind IN ('lab_report', 'ultrasound_image',
                 'microscopy_image', 'medical_report', 'prescription', 'consultation_notes', 'surgical_report', 'imaging_study',
                 'pathology_report', 'hormone_panel')),
  name         text NOT NULL CONSTRAINT patient_document_name_length CHECK (length(name) BETWEEN 1 AND 255),
  note         text NOT NULL DEFAULT '' CONSTRAINT patient_document_note_length CHECK (length(note) <= 1000),
  status       text NOT NULL DEFAULT 'pending' CONSTRAINT patient_document_status_known
                 CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  run          integer NOT NULL DEFAULT 1,    -- the analysis it is about: the first, or one that was asked for again
  job_id       uuid,                          -- of that run
  step         text CONSTRAINT patient_document_step_known CHECK (step IN ('type', 'text', 'values', 'domains', 'findings')),
  failure      text CONSTRAINT patient_document_failure_length CHECK (length(failure) BETWEEN 1 AND 50), -- a stable word
  page_count   integer CONSTRAINT patient_document_page_count CHECK (page_count >= 0),
  text_from    text CONSTRAINT patient_document_text_from_known CHECK (text_from IN ('text', 'layer', 'picture', 'none')),
  reported_on  date,                          -- the day that the report itself names
  confidence   smallint CONSTRAINT patient_document_confidence CHECK (confidence BETWEEN 0 AND 100),
  domains      text[] NOT NULL DEFAULT '{}',
  findings     jsonb NOT NULL DEFAULT '[]' CONSTRAINT patient_document_findings_size CHECK (length(findings::text) <= 200000),
  unread       jsonb NOT NULL DEFAULT '[]' CONSTRAINT patient_document_unread_size CHECK (length(unread::text) <= 200000),
  method       text,                          -- of the analysis, with its version
  uploaded_by  uuid NOT NULL,
  analysed_at  timestamptz,
  version      bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  CONSTRAINT patient_document_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
  CONSTRAINT patient_document_failure_said CHECK ((status = 'failed') = (failure IS NOT NULL)),
  CONSTRAINT patient_document_analysed CHECK ((status = 'completed') <= (analysed_at IS NOT NULL))
);
CREATE INDEX patient_document_of_patient ON patient_document (patient_id, id DESC);
CREATE INDEX patient_document_of_clinic ON patient_document (clinic_id, id DESC);
CREATE UNIQUE INDEX patient_document_once ON patient_document (document_id);

-- The text of a document, page by page as it was laid out: the checkpoint behind the reading, and the source of each value.
CREATE TABLE patient_document_text (
  patient_document_id uuid PRIMARY KEY CONSTRAINT patient_document_text_document REFERENCES patient_document ON DELETE CASCADE,
  run                 integer NOT NULL,
  pages               jsonb NOT NULL          -- crate::clinic::reading::document::Page without the places of words
);

-- A value: printed in a document, entered by hand, or sent by another system.
CREATE TABLE laboratory_value (
  id                  uuid PRIMARY KEY,
  clinic_id           uuid NOT NULL,
  patient_id          uuid NOT NULL,
  source              text NOT NULL CONSTRAINT laboratory_value_source_known CHECK (source IN ('document', 'form', 'fhir')),
  patient_document_id uuid CONSTRAINT laboratory_value_document REFERENCES patient_document ON DELETE CASCADE,
  external_id         text CONSTRAINT laboratory_value_external_id_length CHECK (length(external_id) BETWEEN 1 AND 255),
  analyte             text NOT NULL CONSTRAINT laboratory_value_analyte_length CHECK (length(analyte) BETWEEN 1 AND 50),
  loinc               text CONSTRAINT laboratory_value_loinc_form CHECK (loinc ~ '^[0-9]{1,7}-[0-9]$'),
  comparator          text CONSTRAINT laboratory_value_comparator_known CHECK (comparator IN ('<', '<=', '>=', '>')),
  number              numeric,                -- in `unit`, as it was printed
  finding             text CONSTRAINT laboratory_value_finding_length CHECK (length(finding) BETWEEN 1 AND 100),
  unit                text CONSTRAINT laboratory_value_unit_length CHECK (length(unit) BETWEEN 1 AND 50), -- UCUM
  canonical           numeric,                -- in `canonical_unit`: one for all values of an analyte, for trends and the score
  canonical_unit      text CONSTRAINT laboratory_value_canonical_unit_length CHECK (length(canonical_unit) BETWEEN 1 AND 50),
  range_low           numeric,                -- the range that applies, in `unit`
  range_high          numeric,
  flag                text CONSTRAINT laboratory_value_flag_known CHECK (flag IN ('low', 'normal', 'high')),
  printed_flag        text CONSTRAINT laboratory_value_printed_flag_length CHECK (length(printed_flag) <= 20),
  observed_on         date,
  confidence          smallint CONSTRAINT laboratory_value_confidence CHECK (confidence BETWEEN 0 AND 100), -- of values from documents
  doubts              text[] NOT NULL DEFAULT '{}', -- what is missing to 100
  domains             text[] NOT NULL DEFAULT '{}',
  page                integer,                -- where it was printed; from 1
  line                integer,
  span_start          integer,                -- bytes in the line: the name
  span_end            integer,                -- the last that was understood
  recorded_by         uuid NOT NULL,
  created_at          timestamptz NOT NULL,
  CONSTRAINT laboratory_value_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
  CONSTRAINT laboratory_value_is_one CHECK ((number IS NULL) <> (finding IS NULL)),
  CONSTRAINT laboratory_value_from_document CHECK (source = 'document' OR patient_document_id IS NULL),
  CONSTRAINT laboratory_value_place CHECK (source = 'document' OR page IS NULL)
);
CREATE INDEX laboratory_value_of_patient ON laboratory_value (patient_id, analyte, observed_on DESC, id DESC);
-- Each value of a document once, however often its analysis runs.
CREATE UNIQUE INDEX laboratory_value_of_document ON laboratory_value (patient_document_id, analyte, observed_on)
  NULLS NOT DISTINCT WHERE patient_document_id IS NOT NULL;
CREATE UNIQUE INDEX laboratory_value_sent_once ON laboratory_value (clinic_id, external_id) WHERE external_id IS NOT NULL;

-- An analysis that grades: by form, found in a document, or asked for by another system.
CREATE TABLE graded_analysis (
  id                  uuid PRIMARY KEY,
  clinic_id           uuid NOT NULL,
  patient_id          uuid NOT NULL,
  kind                text NOT NULL CONSTRAINT graded_analysis_kind_known
                        CHECK (kind IN ('semen', 'oocyte', 'embryo', 'follicle', 'hysteroscopy')),
  source              text NOT NULL CONSTRAINT graded_analysis_source_known CHECK (source IN ('form', 'document', 'program')),
  patient_document_id uuid CONSTRAINT graded_analysis_document REFERENCES patient_document ON DELETE CASCADE,
  label               text NOT NULL DEFAULT '' CONSTRAINT graded_analysis_label_length CHECK (length(label) <= 100), -- sample, oocyte, embryo …
  observed_on         date NOT NULL,
  input               jsonb NOT NULL CONSTRAINT graded_analysis_input_size CHECK (length(input::text) <= 20000),
  result              jsonb NOT NULL CONSTRAINT graded_analysis_result_size CHECK (length(result::text) <= 100000),
  method              text NOT NULL,
  note                text NOT NULL DEFAULT '' CONSTRAINT graded_analysis_note_length CHECK (length(note) <= 2000),
  recorded_by         uuid NOT NULL,
  withdrawn_at        timestamptz,            -- entered by mistake: it stays, and counts no more
  version             bigint NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL,
  updated_at          timestamptz NOT NULL,
  CONSTRAINT graded_analysis_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id),
  CONSTRAINT graded_analysis_from_document CHECK (source = 'document' OR patient_document_id IS NULL)
);
CREATE INDEX graded_analysis_of_patient ON graded_analysis (patient_id, id DESC);
CREATE INDEX graded_analysis_of_clinic ON graded_analysis (clinic_id, id DESC);
CREATE UNIQUE INDEX graded_analysis_of_document ON graded_analysis (patient_document_id, kind)
  WHERE patient_document_id IS NOT NULL;

-- Scores as they were computed: a new row whenever something that counts has changed.
CREATE TABLE fertility_score (
  id          uuid PRIMARY KEY,
  clinic_id   uuid NOT NULL,
  patient_id  uuid NOT NULL,
  inputs_hash bytea NOT NULL CONSTRAINT fertility_score_inputs_hash_length CHECK (length(inputs_hash) = 32),
  overall     numeric(4, 1) CONSTRAINT fertility_score_overall CHECK (overall BETWEEN 0 AND 100), -- none: nothing is known
  band        text,
  coverage    smallint NOT NULL CONSTRAINT fertility_score_coverage CHECK (coverage BETWEEN 0 AND 100),
  result      jsonb NOT NULL,                 -- crate::clinic::rules::score::FertilityScore
  method      text NOT NULL,
  computed_at timestamptz NOT NULL,
  CONSTRAINT fertility_score_patient FOREIGN KEY (clinic_id, patient_id) REFERENCES patient (clinic_id, id)
);
CREATE INDEX fertility_score_of_patient ON fertility_score (patient_id, id DESC);
