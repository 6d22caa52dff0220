-- Cases of other systems, scores that become old by themselves, and batches of analyses that other systems ask for.

ALTER TABLE graded_analysis
  ADD COLUMN case_id text CONSTRAINT graded_analysis_case_id_length CHECK (length(case_id) BETWEEN 1 AND 100);

-- When a score says something else although nothing was written: a value is two years old, the patient has a birthday. Only
-- the newest score of a patient has it.
ALTER TABLE fertility_score ADD COLUMN due_on date;
CREATE INDEX fertility_score_due ON fertility_score (due_on, id) WHERE due_on IS NOT NULL;

-- Analyses asked for together: each is a job of one batch.
CREATE TABLE analysis_batch (
  id           uuid PRIMARY KEY,
  clinic_id    uuid NOT NULL CONSTRAINT analysis_batch_clinic REFERENCES clinic,
  requested_by uuid NOT NULL,
  api_key_id   uuid,                          -- none: by a person
  total        integer NOT NULL CONSTRAINT analysis_batch_total CHECK (total BETWEEN 1 AND 1000),
  created_at   timestamptz NOT NULL,
  finished_at  timestamptz
);
CREATE INDEX analysis_batch_of_clinic ON analysis_batch (clinic_id, id DESC);

-- What is asked for is kept until it was done: then the analysis has it.
CREATE TABLE analysis_batch_item (
  batch_id    uuid NOT NULL CONSTRAINT analysis_batch_item_batch REFERENCES analysis_batch ON DELETE CASCADE,
  position    integer NOT NULL,               -- from 0
  request     jsonb CONSTRAINT analysis_batch_item_request_size CHECK (length(request::text) <= 25000),
  analysis_id uuid CONSTRAINT analysis_batch_item_analysis REFERENCES graded_analysis ON DELETE SET NULL,
  status      text NOT NULL DEFAULT 'pending' CONSTRAINT analysis_batch_item_status_known
                CHECK (status IN ('pending', 'done', 'failed')),
  failure     jsonb CONSTRAINT analysis_batch_item_failure_size CHECK (length(failure::text) <= 20000),
  PRIMARY KEY (batch_id, position),
  CONSTRAINT analysis_batch_item_failure_said CHECK ((status = 'failed') = (failure IS NOT NULL)),
  CONSTRAINT analysis_batch_item_request_kept CHECK ((status = 'pending') = (request IS NOT NULL))
);
CREATE INDEX analysis_batch_item_of_analysis ON analysis_batch_item (analysis_id) WHERE analysis_id IS NOT NULL;
