-- Consents are only added to. The one change that is let through takes away where a person was when saying something:
-- erasure does that.

CREATE FUNCTION consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.address IS NULL
     AND (NEW.id, NEW.user_id, NEW.purpose, NEW.wording, NEW.is_given, NEW.at)
       = (OLD.id, OLD.user_id, OLD.purpose, OLD.wording, OLD.is_given, OLD.at) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'consents are append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER consent_never_changes BEFORE UPDATE ON consent
  FOR EACH ROW EXECUTE FUNCTION consent_is_append_only();
CREATE TRIGGER consent_never_truncated BEFORE TRUNCATE ON consent
  FOR EACH STATEMENT EXECUTE FUNCTION consent_is_append_only();
