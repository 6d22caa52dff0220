-- Contents whose keys are wrapped with a key that is not the newest are found without reading those of everybody.

CREATE INDEX document_version_sealed ON document_version (document_id, number) INCLUDE (key_id) WHERE key_id IS NOT NULL;
