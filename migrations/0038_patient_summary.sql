-- What a clinic has of each patient at a glance: counted each by itself, so that nothing multiplies anything.
--
-- No names: they are read from the records, so that who is made anonymous is so at once. Merged and anonymous records are
-- left out. A refresh writes only what has changed (CONCURRENTLY compares), therefore nothing in it says when it was made.
CREATE MATERIALIZED VIEW patient_summary AS
SELECT p.id AS patient_id, p.clinic_id,
  coalesce(d.documents, 0) AS document_count, coalesce(d.completed, 0) AS completed_documents,
  coalesce(d.failed, 0) AS failed_documents, d.last_at AS last_document_at,
  coalesce(v.all_of_them, 0) AS value_count, coalesce(v.abnormal, 0) AS abnormal_count,
  coalesce(a.all_of_them, 0) AS analysis_count,
  s.overall AS latest_score, s.band AS latest_band, s.computed_at AS latest_score_at,
  -- Orders of lists, each walked upwards by an index: most abnormal values, lowest score, longest without a document.
  -coalesce(v.abnormal, 0) AS abnormal_order,
  coalesce((s.overall * 10)::bigint, 1001) AS score_order,
  coalesce(extract(epoch FROM d.last_at)::bigint, 0) AS document_order
FROM patient AS p
LEFT JOIN (SELECT patient_id, count(*) AS documents, count(*) FILTER (WHERE status = 'completed') AS completed,
             count(*) FILTER (WHERE status = 'failed') AS failed, max(created_at) AS last_at
           FROM patient_document GROUP BY patient_id) AS d ON d.patient_id = p.id
LEFT JOIN (SELECT patient_id, count(*) AS all_of_them, count(*) FILTER (WHERE flag IN ('low', 'high')) AS abnormal
           FROM laboratory_value GROUP BY patient_id) AS v ON v.patient_id = p.id
LEFT JOIN (SELECT patient_id, count(*) AS all_of_them FROM graded_analysis WHERE withdrawn_at IS NULL
           GROUP BY patient_id) AS a ON a.patient_id = p.id
-- The latest, not the best.
LEFT JOIN (SELECT DISTINCT ON (patient_id) patient_id, overall, band, computed_at FROM fertility_score
           ORDER BY patient_id, id DESC) AS s ON s.patient_id = p.id
WHERE p.merged_into IS NULL AND p.anonymised_at IS NULL;

CREATE UNIQUE INDEX patient_summary_patient ON patient_summary (patient_id); -- CONCURRENTLY compares by it
CREATE INDEX patient_summary_newest ON patient_summary (clinic_id, patient_id);
CREATE INDEX patient_summary_abnormal ON patient_summary (clinic_id, abnormal_order, patient_id);
CREATE INDEX patient_summary_score ON patient_summary (clinic_id, score_order, patient_id);
CREATE INDEX patient_summary_document ON patient_summary (clinic_id, document_order, patient_id);

-- When it was made, and how long that took.
CREATE TABLE patient_summary_state (
  is_only      boolean PRIMARY KEY DEFAULT true CONSTRAINT patient_summary_state_is_one CHECK (is_only),
  refreshed_at timestamptz NOT NULL,
  took_ms      bigint NOT NULL
);
INSERT INTO patient_summary_state (refreshed_at, took_ms) VALUES (now(), 0);

-- What has changed and may not be in it yet. Only added to by those who change something, so that nobody waits for anybody;
-- a refresh removes what its snapshot has. A clinic without a row here sees nothing stale.
CREATE TABLE patient_summary_change (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  clinic_id uuid NOT NULL
);
CREATE INDEX patient_summary_change_clinic ON patient_summary_change (clinic_id);

CREATE FUNCTION patient_summary_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO patient_summary_change (clinic_id) SELECT DISTINCT clinic_id FROM changed;
  RETURN NULL;
END $$;

DO $$
DECLARE held text;
BEGIN
  FOREACH held IN ARRAY ARRAY['patient_document', 'laboratory_value', 'graded_analysis', 'fertility_score'] LOOP
    EXECUTE format('CREATE TRIGGER %1$s_is_summed_up_new AFTER INSERT ON %1$s REFERENCING NEW TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION patient_summary_has_changed()', held);
    EXECUTE format('CREATE TRIGGER %1$s_is_summed_up_changed AFTER UPDATE ON %1$s REFERENCING NEW TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION patient_summary_has_changed()', held);
    EXECUTE format('CREATE TRIGGER %1$s_is_summed_up_gone AFTER DELETE ON %1$s REFERENCING OLD TABLE AS changed
      FOR EACH STATEMENT EXECUTE FUNCTION patient_summary_has_changed()', held);
  END LOOP;
END $$;

-- Of records themselves only what brings them in or takes them out.
CREATE FUNCTION patient_is_summed_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO patient_summary_change (clinic_id) VALUES (NEW.clinic_id);
  RETURN NULL;
END $$;
CREATE TRIGGER patient_is_summed_up_new AFTER INSERT ON patient FOR EACH ROW EXECUTE FUNCTION patient_is_summed_up();
CREATE TRIGGER patient_is_summed_up_gone AFTER UPDATE OF merged_into, anonymised_at ON patient FOR EACH ROW
  WHEN ((OLD.merged_into, OLD.anonymised_at) IS DISTINCT FROM (NEW.merged_into, NEW.anonymised_at))
  EXECUTE FUNCTION patient_is_summed_up();
