-- Values that were entered or sent wrongly are withdrawn: they stay, and count no more. Those that another system has put right
-- are withdrawn in favour of the right one. Scores say when the record has changed since.

ALTER TABLE laboratory_value
  ADD COLUMN withdrawn_at timestamptz,                   -- it was a mistake, or another value has taken its place
  ADD COLUMN replaced_by  uuid CONSTRAINT laboratory_value_replaced_by CHECK (replaced_by IS NULL OR withdrawn_at IS NOT NULL),
  ADD COLUMN replaces     uuid,                          -- the other end: what this value puts right
  ADD COLUMN also_called  text[] NOT NULL DEFAULT '{}'   -- further names, as `external_id`
    CONSTRAINT laboratory_value_also_called_count CHECK (cardinality(also_called) <= 20);

-- Of one name one value counts.
DROP INDEX laboratory_value_sent_once;
CREATE UNIQUE INDEX laboratory_value_sent_once ON laboratory_value (clinic_id, external_id)
  WHERE external_id IS NOT NULL AND withdrawn_at IS NULL;
CREATE INDEX laboratory_value_external_id ON laboratory_value (clinic_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX laboratory_value_also_called ON laboratory_value USING gin (also_called) WHERE also_called <> '{}';

-- Something of the record was written or taken away since; it is computed anew, or will be with the patient's consent.
ALTER TABLE fertility_score ADD COLUMN is_outdated boolean NOT NULL DEFAULT false;

-- As in 0038; values that were withdrawn do not count, and a score says when it is outdated.
DROP MATERIALIZED VIEW patient_summary;
CREATE MATERIALIZED VIEW patient_summary AS
SELECT p.id AS patient_id, p.clinic_id,
  coalesce(d.documents, 0) AS document_count, coalesce(d.completed, 0) AS completed_documents,
  coalesce(d.failed, 0) AS failed_documents, d.last_at AS last_document_at,
  coalesce(v.all_of_them, 0) AS value_count, coalesce(v.abnormal, 0) AS abnormal_count,
  coalesce(a.all_of_them, 0) AS analysis_count,
  s.overall AS latest_score, s.band AS latest_band, s.computed_at AS latest_score_at,
  coalesce(s.is_outdated, false) AS latest_is_outdated,
  -- Orders of lists, each walked upwards by an index: most abnormal values, lowest score, longest without a document.
  -coalesce(v.abnormal, 0) AS abnormal_order,
  coalesce((s.overall * 10)::bigint, 1001) AS score_order,
  coalesce(extract(epoch FROM d.last_at)::bigint, 0) AS document_order
FROM patient AS p
LEFT JOIN (SELECT patient_id, count(*) AS documents, count(*) FILTER (WHERE status = 'completed') AS completed,
             count(*) FILTER (WHERE status = 'failed') AS failed, max(created_at) AS last_at
           FROM patient_document GROUP BY patient_id) AS d ON d.patient_id = p.id
LEFT JOIN (SELECT patient_id, count(*) AS all_of_them, count(*) FILTER (WHERE flag IN ('low', 'high')) AS abnormal
           FROM laboratory_value WHERE withdrawn_at IS NULL GROUP BY patient_id) AS v ON v.patient_id = p.id
LEFT JOIN (SELECT patient_id, count(*) AS all_of_them FROM graded_analysis WHERE withdrawn_at IS NULL
           GROUP BY patient_id) AS a ON a.patient_id = p.id
-- The latest, not the best.
LEFT JOIN (SELECT DISTINCT ON (patient_id) patient_id, overall, band, computed_at, is_outdated FROM fertility_score
           ORDER BY patient_id, id DESC) AS s ON s.patient_id = p.id
WHERE p.merged_into IS NULL AND p.anonymised_at IS NULL;

CREATE UNIQUE INDEX patient_summary_patient ON patient_summary (patient_id); -- CONCURRENTLY compares by it
CREATE INDEX patient_summary_newest ON patient_summary (clinic_id, patient_id);
CREATE INDEX patient_summary_abnormal ON patient_summary (clinic_id, abnormal_order, patient_id);
CREATE INDEX patient_summary_score ON patient_summary (clinic_id, score_order, patient_id);
CREATE INDEX patient_summary_document ON patient_summary (clinic_id, document_order, patient_id);
