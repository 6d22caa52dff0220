-- What a person has given to others, linked and sent is found without reading everybody's: exports and erasures ask for it.

CREATE INDEX document_permission_granter ON document_permission (granted_by, document_id);
CREATE INDEX document_link_creator ON document_link (created_by, id);
CREATE INDEX document_version_uploader ON document_version (uploaded_by, document_id, number);
