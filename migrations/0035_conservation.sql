-- The notary desk: conservation packages.
--
-- What an office has signed and received, a month at a time, in an archive that can be verified without this service.

-- What can be conserved, each in a version that never changes. Whatever else is to be conserved is one more branch here.
CREATE VIEW conservable AS
  SELECT a.notary_id, a.signed_document_id AS document_id, 1 AS number, 'signed_deed'::text AS kind,
         r.prefix || '-' || lpad(r.number::text, 4, '0') AS about, a.signed_at AS since
  FROM act a JOIN register_entry r ON r.act_id = a.id WHERE a.signed_document_id IS NOT NULL
  UNION ALL
  SELECT m.notary_id, c.document_id, 1, 'receipt', m.subject, c.taken_at
  FROM certified_mail_receipt c JOIN certified_mail m ON m.id = c.mail_id;

CREATE TABLE conservation_package (
  id                    uuid PRIMARY KEY,
  notary_id             uuid NOT NULL CONSTRAINT conservation_package_notary REFERENCES notary,
  month                 date NOT NULL CONSTRAINT conservation_package_month CHECK (extract(day FROM month) = 1),
  part                  smallint NOT NULL CONSTRAINT conservation_package_part CHECK (part > 0),
  status                text NOT NULL DEFAULT 'pending' CONSTRAINT conservation_package_status_known CHECK (status IN (
                          'pending', 'exported', 'conserved', 'verified')),
  items                 int NOT NULL DEFAULT 0 CONSTRAINT conservation_package_items CHECK (items BETWEEN 0 AND 1000),
  document_id           uuid CONSTRAINT conservation_package_document REFERENCES document,
  manifest_sha256       bytea CONSTRAINT conservation_package_manifest CHECK (length(manifest_sha256) = 32),
  exported_at           timestamptz,
  conservator           text CONSTRAINT conservation_package_conservator_length CHECK (length(conservator) BETWEEN 1 AND 50),
  conservator_reference text CONSTRAINT conservation_package_reference_length CHECK (
                          length(conservator_reference) BETWEEN 1 AND 200),
  receipt               jsonb CONSTRAINT conservation_package_receipt_length CHECK (length(receipt::text) <= 65536),
  conserved_at          timestamptz,
  verified_at           timestamptz,
  trouble               text CONSTRAINT conservation_package_trouble_length CHECK (length(trouble) BETWEEN 1 AND 1000),
  version               bigint NOT NULL DEFAULT 1,
  created_at            timestamptz NOT NULL,
  updated_at            timestamptz NOT NULL,
  CONSTRAINT conservation_package_once UNIQUE (notary_id, month, part),
  CONSTRAINT conservation_package_exported CHECK ((status = 'pending') = (document_id IS NULL)
    AND (document_id IS NULL) = (manifest_sha256 IS NULL) AND (document_id IS NULL) = (exported_at IS NULL)),
  CONSTRAINT conservation_package_conserved CHECK ((status IN ('conserved', 'verified')) = (conserved_at IS NOT NULL)
    AND (conserved_at IS NULL) = (receipt IS NULL) AND (conserved_at IS NULL) = (conservator IS NULL)),
  CONSTRAINT conservation_package_verified CHECK ((status = 'verified') = (verified_at IS NOT NULL))
);
-- One under way at most: whoever plans does not plan again what is being made.
CREATE UNIQUE INDEX conservation_package_pending ON conservation_package (notary_id) WHERE status = 'pending';

CREATE TABLE conservation_item (
  package_id  uuid NOT NULL CONSTRAINT conservation_item_package REFERENCES conservation_package,
  position    bigint NOT NULL,
  path        text NOT NULL CONSTRAINT conservation_item_path_length CHECK (length(path) BETWEEN 1 AND 200),
  kind        text NOT NULL CONSTRAINT conservation_item_kind_known CHECK (kind IN ('signed_deed', 'receipt')),
  -- Receipts are not kept for ever; the package has them still.
  document_id uuid CONSTRAINT conservation_item_document REFERENCES document ON DELETE SET NULL,
  number      int NOT NULL,
  PRIMARY KEY (package_id, position),
  CONSTRAINT conservation_item_once UNIQUE (document_id, number)
);
