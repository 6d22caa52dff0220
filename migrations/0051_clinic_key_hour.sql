-- Requests with keys of a clinic's members, by hour of the clock: they share what the clinic has paid for.
CREATE TABLE clinic_key_hour (
  clinic_id uuid NOT NULL CONSTRAINT clinic_key_hour_clinic REFERENCES clinic ON DELETE CASCADE,
  hour      timestamptz NOT NULL,
  used      int NOT NULL CONSTRAINT clinic_key_hour_positive CHECK (used > 0),
  PRIMARY KEY (clinic_id, hour)
);
CREATE INDEX clinic_key_hour_age ON clinic_key_hour (hour);
