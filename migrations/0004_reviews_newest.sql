-- Moderators read the latest reviews of all events, hidden ones too.
CREATE INDEX reviews_newest ON reviews (created_at DESC, id DESC);
