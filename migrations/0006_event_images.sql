-- Pictures of events. No release has had columns of this table that are dropped here, and nothing has written it.
--
-- Positions of an event's pictures are 0, 1, 2, …; the first is the cover. The files of a picture are named by its key.
DROP INDEX event_images_event;
ALTER TABLE event_images
  DROP COLUMN thumbnail,
  DROP COLUMN is_primary,
  ADD COLUMN alt text NOT NULL DEFAULT '' CONSTRAINT event_images_alt_length CHECK (length(alt) <= 300),
  ADD COLUMN thumbnails_at timestamptz, -- set by a job, when the smaller files are there
  -- Checked at the end of each statement, so that one statement can move several.
  ADD CONSTRAINT event_images_position_unique UNIQUE (event_id, position) DEFERRABLE INITIALLY IMMEDIATE,
  ADD CONSTRAINT event_images_position_not_negative CHECK (position >= 0),
  ADD CONSTRAINT event_images_size_positive CHECK (width > 0 AND height > 0 AND bytes > 0),
  ADD CONSTRAINT event_images_key_form CHECK (key ~ '^[0-9a-f]{32}$');
