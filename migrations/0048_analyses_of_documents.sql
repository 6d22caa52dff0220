-- A document may describe several oocytes and embryos, each with an analysis of its own; and every analysis says where in the
-- document it stands.
ALTER TABLE graded_analysis
  ADD COLUMN item text NOT NULL DEFAULT '' CONSTRAINT graded_analysis_item_length CHECK (length(item) <= 50), -- of its kind
  ADD COLUMN places jsonb NOT NULL DEFAULT '[]' CONSTRAINT graded_analysis_places_size CHECK (length(places::text) <= 20000);
DROP INDEX graded_analysis_of_document;
CREATE UNIQUE INDEX graded_analysis_of_document ON graded_analysis (patient_document_id, kind, item)
  WHERE patient_document_id IS NOT NULL;
