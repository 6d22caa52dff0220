-- What two records said otherwise of the person when somebody said that they are one: sex, born_on, fiscal_code.
ALTER TABLE patient_merge ADD COLUMN differed text[] NOT NULL DEFAULT '{}';
