-- The notary desk: acts, who is a party to them, and the protocol register.
--
-- A signed act is kept for good (L. 89/1913, art. 61); so is its number, also when it was annulled.

CREATE TABLE act (
  id                   uuid PRIMARY KEY,
  notary_id            uuid NOT NULL CONSTRAINT act_notary REFERENCES notary,
  client_id            uuid NOT NULL CONSTRAINT act_client REFERENCES users,
  -- Acts outlive their appointments.
  appointment_id       uuid CONSTRAINT act_appointment REFERENCES appointment ON DELETE SET NULL
                         CONSTRAINT act_appointment_once UNIQUE,
  act_type             text NOT NULL CONSTRAINT act_act_type REFERENCES act_type,
  status               text NOT NULL DEFAULT 'draft' CONSTRAINT act_status_known CHECK (status IN (
                         'draft', 'in_preparation', 'awaiting_signature', 'signed', 'sent', 'archived', 'annulled')),
  title                text NOT NULL CONSTRAINT act_title_length CHECK (length(title) <= 200),
  description          text NOT NULL DEFAULT '' CONSTRAINT act_description_length CHECK (length(description) <= 4000),
  office_note          text NOT NULL DEFAULT '' CONSTRAINT act_office_note_length CHECK (length(office_note) <= 4000),
  bank_name            text CONSTRAINT act_bank_name_length CHECK (length(bank_name) BETWEEN 1 AND 200),
  bank_branch          text CONSTRAINT act_bank_branch_length CHECK (length(bank_branch) BETWEEN 1 AND 200),
  loan_cents           bigint CONSTRAINT act_loan_positive CHECK (loan_cents > 0),
  property_address     text CONSTRAINT act_property_address_length CHECK (length(property_address) BETWEEN 1 AND 300),
  property_units       jsonb NOT NULL DEFAULT '[]' CONSTRAINT act_property_units_form CHECK (
                         jsonb_typeof(property_units) = 'array' AND jsonb_array_length(property_units) <= 20
                         AND length(property_units::text) <= 20000),
  property_value_cents bigint CONSTRAINT act_property_value_positive CHECK (property_value_cents > 0),
  survey               jsonb CONSTRAINT act_survey_form CHECK (jsonb_typeof(survey) = 'object' AND length(survey::text) <= 20000),
  survey_completed_at  timestamptz,
  signed_at            timestamptz,
  sent_at              timestamptz,
  closed_at            timestamptz,
  annulled_at          timestamptz,
  reason               text CONSTRAINT act_reason_length CHECK (length(reason) BETWEEN 1 AND 1000), -- of annulling
  version              bigint NOT NULL DEFAULT 1,
  created_at           timestamptz NOT NULL,
  updated_at           timestamptz NOT NULL,
  CONSTRAINT act_of_notary UNIQUE (id, notary_id),
  CONSTRAINT act_signed_when CHECK (
    CASE WHEN status IN ('signed', 'sent', 'archived') THEN signed_at IS NOT NULL
         WHEN status <> 'annulled' THEN signed_at IS NULL ELSE true END),
  CONSTRAINT act_sent_when CHECK (status NOT IN ('sent', 'archived') OR sent_at IS NOT NULL),
  CONSTRAINT act_closed_when CHECK ((status = 'archived') = (closed_at IS NOT NULL)),
  CONSTRAINT act_annulled_why CHECK (
    (status = 'annulled') = (annulled_at IS NOT NULL) AND (status = 'annulled') = (reason IS NOT NULL)),
  CONSTRAINT act_survey_whole CHECK ((survey IS NULL) = (survey_completed_at IS NULL)),
  CONSTRAINT act_archived_surveyed CHECK (status <> 'archived' OR survey IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX act_client ON act (client_id, id DESC);
CREATE INDEX act_notary ON act (notary_id, id DESC);

-- Who is a party to an act, in the order in which the act names them.
CREATE TABLE act_party (
  act_id        uuid NOT NULL CONSTRAINT act_party_act REFERENCES act ON DELETE CASCADE,
  position      smallint NOT NULL CONSTRAINT act_party_position CHECK (position BETWEEN 1 AND 50),
  role          text NOT NULL CONSTRAINT act_party_role_known CHECK (role IN (
                  'party', 'buyer', 'seller', 'donor', 'donee', 'lender', 'borrower', 'testator', 'heir', 'principal',
                  'agent', 'shareholder', 'witness', 'interpreter')),
  kind          text NOT NULL CONSTRAINT act_party_kind_known CHECK (kind IN ('person', 'company')),
  first_name    text CONSTRAINT act_party_first_name_length CHECK (length(first_name) BETWEEN 1 AND 100),
  last_name     text CONSTRAINT act_party_last_name_length CHECK (length(last_name) BETWEEN 1 AND 100),
  company_name  text CONSTRAINT act_party_company_name_length CHECK (length(company_name) BETWEEN 1 AND 200),
  fiscal_code   text CONSTRAINT act_party_fiscal_code_form CHECK (fiscal_code ~ '^([A-Z0-9]{16}|[0-9]{11})$'),
  vat_number    text CONSTRAINT act_party_vat_number_form CHECK (vat_number ~ '^[0-9]{11}$'),
  operator_code text CONSTRAINT act_party_operator_code_form CHECK (operator_code ~ '^SM[0-9]{1,5}$'),
  iban          text CONSTRAINT act_party_iban_form CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
  PRIMARY KEY (act_id, position),
  CONSTRAINT act_party_named CHECK (
    CASE kind WHEN 'person' THEN first_name IS NOT NULL AND last_name IS NOT NULL AND company_name IS NULL
              ELSE company_name IS NOT NULL AND first_name IS NULL AND last_name IS NULL END)
);

-- The last number given for each notary and prefix. Who signs locks the row: the next one waits for the commit, and a
-- transaction that is rolled back has taken no number.
CREATE TABLE register_counter (
  notary_id uuid NOT NULL CONSTRAINT register_counter_notary REFERENCES notary,
  prefix    text NOT NULL CONSTRAINT register_counter_prefix CHECK (prefix ~ '^[A-Z]+(-[A-Z]+)*$' AND length(prefix) <= 12),
  last      int NOT NULL CONSTRAINT register_counter_positive CHECK (last > 0),
  PRIMARY KEY (notary_id, prefix)
) WITH (fillfactor = 50);

-- The protocol register. A draft has no number, and no row.
CREATE TABLE register_entry (
  notary_id     uuid NOT NULL,
  prefix        text NOT NULL,
  number        int NOT NULL CONSTRAINT register_entry_number_positive CHECK (number > 0),
  act_id        uuid NOT NULL CONSTRAINT register_entry_act_once UNIQUE,
  year          smallint NOT NULL CONSTRAINT register_entry_year CHECK (year BETWEEN 1900 AND 9999), -- of signing, at the office
  status        text NOT NULL CONSTRAINT register_entry_status_known CHECK (status IN ('signed', 'registered', 'annulled')),
  signed_at     timestamptz NOT NULL,
  registered_at timestamptz,
  annulled_at   timestamptz,
  reason        text CONSTRAINT register_entry_reason_length CHECK (length(reason) BETWEEN 1 AND 1000), -- of annulling
  CONSTRAINT register_entry_number_once PRIMARY KEY (notary_id, prefix, number),
  CONSTRAINT register_entry_act FOREIGN KEY (act_id, notary_id) REFERENCES act (id, notary_id),
  CONSTRAINT register_entry_counter FOREIGN KEY (notary_id, prefix) REFERENCES register_counter,
  CONSTRAINT register_entry_registered_when CHECK ((status = 'registered') = (registered_at IS NOT NULL)),
  CONSTRAINT register_entry_annulled_why CHECK (
    (status = 'annulled') = (annulled_at IS NOT NULL) AND (status = 'annulled') = (reason IS NOT NULL))
);
CREATE INDEX register_entry_notary ON register_entry (notary_id, signed_at DESC, act_id DESC);
