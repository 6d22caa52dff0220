-- The notary desk: templates of acts, and the deeds that are drafted from them.

-- A version of an office's text for a type of act. It does not change.
CREATE TABLE act_template (
  id         uuid PRIMARY KEY,
  notary_id  uuid NOT NULL CONSTRAINT act_template_notary REFERENCES notary,
  act_type   text NOT NULL CONSTRAINT act_template_act_type REFERENCES act_type,
  number     int NOT NULL CONSTRAINT act_template_number_positive CHECK (number > 0),
  name       text NOT NULL CONSTRAINT act_template_name_length CHECK (length(name) BETWEEN 1 AND 200),
  language   text NOT NULL CONSTRAINT act_template_language_known CHECK (language IN ('it', 'en')),
  body       text NOT NULL CONSTRAINT act_template_body_length CHECK (octet_length(body) BETWEEN 1 AND 100000),
  is_active  boolean NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT act_template_number_once UNIQUE (notary_id, act_type, number)
);
CREATE UNIQUE INDEX act_template_active ON act_template (notary_id, act_type) WHERE is_active;
CREATE INDEX act_template_notary ON act_template (notary_id, id DESC);

-- The text of an act, with what filled it. It does not change; drafting again makes the next.
CREATE TABLE deed (
  act_id      uuid NOT NULL CONSTRAINT deed_act REFERENCES act,
  number      int NOT NULL CONSTRAINT deed_number_positive CHECK (number > 0),
  title       text NOT NULL CONSTRAINT deed_title_length CHECK (length(title) BETWEEN 1 AND 200),
  language    text NOT NULL CONSTRAINT deed_language_known CHECK (language IN ('it', 'en')),
  -- The office's template, or the name of the built-in text.
  template_id uuid CONSTRAINT deed_template REFERENCES act_template ON DELETE SET NULL,
  built_in    text CONSTRAINT deed_built_in_length CHECK (length(built_in) BETWEEN 1 AND 12),
  body        text NOT NULL CONSTRAINT deed_body_length CHECK (octet_length(body) BETWEEN 1 AND 100000),
  facts       jsonb NOT NULL CONSTRAINT deed_facts_form CHECK (jsonb_typeof(facts) = 'object'), -- what the act said
  given       jsonb NOT NULL CONSTRAINT deed_given_form CHECK (jsonb_typeof(given) = 'object'), -- what was given besides
  missing     text[] NOT NULL,       -- fields that nothing fills
  unprintable text NOT NULL,         -- characters that no font has
  document_id uuid NOT NULL CONSTRAINT deed_document REFERENCES document CONSTRAINT deed_document_once UNIQUE,
  sha256      bytea NOT NULL CONSTRAINT deed_sha256_length CHECK (length(sha256) = 32), -- of the PDF
  drafted_by  uuid NOT NULL,
  drafted_at  timestamptz NOT NULL,
  frozen_at   timestamptz,           -- its signature was asked for
  PRIMARY KEY (act_id, number),
  CONSTRAINT deed_frozen_whole CHECK (frozen_at IS NULL OR (missing = '{}' AND unprintable = ''))
);
CREATE UNIQUE INDEX deed_frozen ON deed (act_id) WHERE frozen_at IS NOT NULL;
