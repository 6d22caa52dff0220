-- Notifications have an order: that in which they became visible. Who has seen number n has seen all that came before it.
--
-- An identity column would be numbered when a row is written: of two transactions the one with the lower number may commit
-- later, and a reader who is beyond it would never look back. So the number is given at the end of the transaction, one
-- transaction at a time; the same lock is taken by NOTIFY at that moment anyway, and is held as shortly.

CREATE SEQUENCE notification_seq AS bigint;
ALTER TABLE notification ADD COLUMN seq bigint CONSTRAINT notification_seq_once UNIQUE; -- NULL only within its transaction
UPDATE notification SET seq = o.seq
  FROM (SELECT id, nextval('notification_seq') AS seq FROM (SELECT id FROM notification ORDER BY created_at, id) x) o
  WHERE notification.id = o.id;

-- Numbers a notification and tells every server whose it is (src/actors/edge/live.rs).
CREATE FUNCTION notification_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock('notification'::regclass::oid::int, 0);
  UPDATE notification SET seq = nextval('notification_seq') WHERE id = NEW.id AND seq IS NULL;
  PERFORM pg_notify('sportello_told', NEW.user_id::text);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER notification_told AFTER INSERT ON notification
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION notification_told();

DROP INDEX notification_user;
DROP INDEX notification_unread;
CREATE INDEX notification_user ON notification (user_id, seq DESC);
CREATE INDEX notification_unread ON notification (user_id, seq DESC) WHERE read_at IS NULL;
