-- The notary desk: what clients say of an office, one review for each of their acts.
--
-- rating_sum and rating_count of the office are those of its approved reviews (src/notary/reviews).

CREATE TABLE notary_review (
  id          uuid PRIMARY KEY,
  act_id      uuid NOT NULL CONSTRAINT notary_review_once UNIQUE,
  notary_id   uuid NOT NULL,
  client_id   uuid NOT NULL CONSTRAINT notary_review_client REFERENCES users,
  rating      smallint NOT NULL CONSTRAINT notary_review_rating_in_range CHECK (rating BETWEEN 1 AND 5),
  title       text NOT NULL DEFAULT '' CONSTRAINT notary_review_title_length CHECK (length(title) <= 200),
  comment     text NOT NULL DEFAULT '' CONSTRAINT notary_review_comment_length CHECK (length(comment) <= 2000),
  status      text NOT NULL DEFAULT 'pending'
                CONSTRAINT notary_review_status_known CHECK (status IN ('pending', 'approved', 'rejected')),
  reason      text CONSTRAINT notary_review_reason_length CHECK (length(reason) BETWEEN 1 AND 1000), -- of rejecting
  answer      text CONSTRAINT notary_review_answer_length CHECK (length(answer) BETWEEN 1 AND 2000), -- of the office
  answered_at timestamptz,
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL,
  CONSTRAINT notary_review_act FOREIGN KEY (act_id, notary_id) REFERENCES act (id, notary_id),
  CONSTRAINT notary_review_rejected_why CHECK ((status = 'rejected') = (reason IS NOT NULL)),
  CONSTRAINT notary_review_answered_when CHECK ((answer IS NULL) = (answered_at IS NULL))
);
CREATE INDEX notary_review_latest ON notary_review (notary_id, created_at DESC, id DESC) WHERE status = 'approved';
CREATE INDEX notary_review_queue  ON notary_review (status, created_at, id);
CREATE INDEX notary_review_client ON notary_review (client_id, id DESC);
CREATE INDEX notary_review_notary ON notary_review (notary_id, created_at, id);
