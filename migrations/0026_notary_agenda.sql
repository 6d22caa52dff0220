-- The notary desk: when an office is open, who meets whom when, and the documents that are needed for it.

-- Hours of the week, as wall times of the office's time zone.
CREATE TABLE availability (
  id           uuid PRIMARY KEY,
  notary_id    uuid NOT NULL CONSTRAINT availability_notary REFERENCES notary ON DELETE CASCADE,
  weekday      smallint NOT NULL CONSTRAINT availability_weekday CHECK (weekday BETWEEN 1 AND 7), -- ISO 8601: 1 is Monday
  start_time   time NOT NULL,
  end_time     time NOT NULL,                -- 00:00 is the end of the day
  slot_minutes smallint NOT NULL DEFAULT 30 CONSTRAINT availability_slot_minutes CHECK (slot_minutes BETWEEN 15 AND 480),
  is_online    boolean NOT NULL DEFAULT true, -- people may book it themselves
  valid_from   date NOT NULL,
  valid_until  date,                          -- included
  version      bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  CONSTRAINT availability_times_ordered CHECK (start_time < end_time OR end_time = '00:00'),
  CONSTRAINT availability_days_ordered CHECK (valid_until >= valid_from)
);
CREATE INDEX availability_notary ON availability (notary_id, weekday, start_time);

-- What differs from the week: closures, and openings besides.
CREATE TABLE availability_exception (
  id           uuid PRIMARY KEY,
  notary_id    uuid NOT NULL CONSTRAINT availability_exception_notary REFERENCES notary ON DELETE CASCADE,
  kind         text NOT NULL CONSTRAINT availability_exception_kind_known CHECK (kind IN ('closure', 'opening')),
  during       tstzrange NOT NULL CONSTRAINT availability_exception_during CHECK (
                 NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)
                 AND NOT lower_inf(during) AND NOT upper_inf(during)),
  reason       text NOT NULL DEFAULT '' CONSTRAINT availability_exception_reason_length CHECK (length(reason) <= 200),
  slot_minutes smallint CONSTRAINT availability_exception_slot_minutes CHECK (slot_minutes BETWEEN 15 AND 480),
  is_online    boolean NOT NULL DEFAULT true,
  version      bigint NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  CONSTRAINT availability_exception_opening_whole CHECK ((kind = 'opening') = (slot_minutes IS NOT NULL))
);
CREATE INDEX availability_exception_during ON availability_exception USING gist (notary_id, during);

CREATE TABLE appointment (
  id              uuid PRIMARY KEY,
  notary_id       uuid NOT NULL CONSTRAINT appointment_notary REFERENCES notary,
  client_id       uuid NOT NULL CONSTRAINT appointment_client REFERENCES users,
  type            text NOT NULL CONSTRAINT appointment_type REFERENCES appointment_type,
  act_type        text CONSTRAINT appointment_act_type REFERENCES act_type,
  status          text NOT NULL CONSTRAINT appointment_status_known CHECK (status IN (
                    'provisional', 'confirmed', 'documents_open', 'documents_review', 'documents_partial',
                    'documents_accepted', 'ready', 'in_progress', 'completed', 'rejected', 'cancelled', 'expired')),
  during          tstzrange NOT NULL CONSTRAINT appointment_during CHECK (
                    NOT isempty(during) AND lower_inc(during) AND NOT upper_inc(during)
                    AND NOT lower_inf(during) AND NOT upper_inf(during)),
  modes           text[] NOT NULL DEFAULT '{in_person}' CONSTRAINT appointment_modes_known CHECK (
                    modes <@ '{in_person,video,phone,conservation,shared_folder,digital_signature}'
                    AND modes && '{in_person,video,phone}'),
  title           text NOT NULL DEFAULT '' CONSTRAINT appointment_title_length CHECK (length(title) <= 200),
  description     text NOT NULL DEFAULT '' CONSTRAINT appointment_description_length CHECK (length(description) <= 4000),
  location        text CONSTRAINT appointment_location_length CHECK (length(location) BETWEEN 1 AND 200),
  meeting_url     text CONSTRAINT appointment_meeting_url_form CHECK (meeting_url ~ '^https://' AND length(meeting_url) <= 500),
  office_note     text NOT NULL DEFAULT '' CONSTRAINT appointment_office_note_length CHECK (length(office_note) <= 4000),
  reminder_hours  smallint NOT NULL DEFAULT 24 CONSTRAINT appointment_reminder_hours CHECK (reminder_hours BETWEEN 0 AND 336),
  reminded_at     timestamptz,
  answer_by       timestamptz,               -- a request that nobody has answered until then expires
  decided_by      uuid,                      -- who confirmed or rejected it
  decided_at      timestamptz,
  reason          text CONSTRAINT appointment_reason_length CHECK (length(reason) BETWEEN 1 AND 1000), -- of rejecting or cancelling
  ended_at        timestamptz,               -- completed, rejected, cancelled, expired
  admitted_at     timestamptz,               -- the client was let in from the waiting room
  turned_away_at  timestamptz,
  sequence        int NOT NULL DEFAULT 0,    -- of its calendar entry (RFC 5545): counts changes of time, place and status
  version         bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  CONSTRAINT appointment_provisional_expires CHECK (status <> 'provisional' OR answer_by IS NOT NULL),
  CONSTRAINT appointment_rejected_why CHECK (status <> 'rejected' OR reason IS NOT NULL),
  CONSTRAINT appointment_ended_when CHECK (
    (status IN ('completed', 'rejected', 'cancelled', 'expired')) = (ended_at IS NOT NULL)),
  -- Nobody is promised a time that somebody else has. Requests compete, and are not in it.
  CONSTRAINT appointment_no_overlap EXCLUDE USING gist (notary_id WITH =, during WITH &&)
    WHERE (status IN ('confirmed', 'documents_open', 'documents_review', 'documents_partial', 'documents_accepted',
                      'ready', 'in_progress', 'completed'))
) WITH (fillfactor = 85);
CREATE INDEX appointment_requests ON appointment USING gist (notary_id, during) WHERE status = 'provisional';
CREATE INDEX appointment_notary ON appointment (notary_id, lower(during), id);
CREATE INDEX appointment_client ON appointment (client_id, lower(during), id);
CREATE INDEX appointment_answer_by ON appointment (answer_by) WHERE status = 'provisional';
CREATE INDEX appointment_to_remind ON appointment (lower(during)) WHERE reminded_at IS NULL AND reminder_hours > 0
  AND status IN ('confirmed', 'documents_open', 'documents_review', 'documents_partial', 'documents_accepted', 'ready');

CREATE TABLE participant (
  appointment_id uuid NOT NULL CONSTRAINT participant_appointment REFERENCES appointment ON DELETE CASCADE,
  user_id        uuid NOT NULL CONSTRAINT participant_user REFERENCES users ON DELETE CASCADE,
  role           text NOT NULL CONSTRAINT participant_role_known CHECK (role IN ('organiser', 'requester', 'invited', 'optional')),
  is_partner     boolean NOT NULL DEFAULT false, -- invited as a partner, not as a client
  status         text NOT NULL CONSTRAINT participant_status_known CHECK (status IN ('waiting', 'accepted', 'declined', 'tentative')),
  note           text NOT NULL DEFAULT '' CONSTRAINT participant_note_length CHECK (length(note) <= 1000),
  invited_by     uuid NOT NULL,
  invited_at     timestamptz NOT NULL,
  answered_at    timestamptz,
  PRIMARY KEY (appointment_id, user_id),
  CONSTRAINT participant_answered_when CHECK ((status = 'waiting') = (answered_at IS NULL))
);
CREATE INDEX participant_user ON participant (user_id, appointment_id);

-- Somebody relies on a document: it cannot be deleted until they let it go.
CREATE TABLE document_hold (
  document_id uuid NOT NULL CONSTRAINT document_hold_document REFERENCES document,
  holder      text NOT NULL CONSTRAINT document_hold_holder_length CHECK (length(holder) BETWEEN 1 AND 50), -- what: 'appointment'
  holder_id   uuid NOT NULL,
  held_at     timestamptz NOT NULL,
  PRIMARY KEY (document_id, holder, holder_id)
);
CREATE INDEX document_hold_holder ON document_hold (holder_id);

-- A document that an appointment needs. Its file is a document of the shared store.
CREATE TABLE appointment_document (
  id             uuid PRIMARY KEY,
  appointment_id uuid NOT NULL CONSTRAINT appointment_document_appointment REFERENCES appointment ON DELETE CASCADE,
  document_type  text NOT NULL CONSTRAINT appointment_document_type REFERENCES document_type,
  document_id    uuid CONSTRAINT appointment_document_file REFERENCES document,
  number         int,                         -- the version of the document that was handed in
  status         text NOT NULL DEFAULT 'missing' CONSTRAINT appointment_document_status_known CHECK (
                   status IN ('missing', 'uploaded', 'in_review', 'accepted', 'rejected')),
  is_mandatory   boolean NOT NULL,
  uploaded_by    uuid,
  uploaded_at    timestamptz,
  reviewed_by    uuid,
  reviewed_at    timestamptz,
  reason         text CONSTRAINT appointment_document_reason_length CHECK (length(reason) BETWEEN 1 AND 1000),
  office_note    text NOT NULL DEFAULT '' CONSTRAINT appointment_document_office_note_length CHECK (length(office_note) <= 2000),
  version        bigint NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  CONSTRAINT appointment_document_once UNIQUE (appointment_id, document_type),
  CONSTRAINT appointment_document_rejected_why CHECK (status <> 'rejected' OR reason IS NOT NULL),
  CONSTRAINT appointment_document_there CHECK (
    (status = 'missing' OR document_id IS NOT NULL) AND (document_id IS NULL) = (number IS NULL))
);
CREATE INDEX appointment_document_file ON appointment_document (document_id) WHERE document_id IS NOT NULL;

-- What people are told, as it was when it happened. Texts are made when it is shown, in the language of who reads.
CREATE TABLE notification (
  id             uuid PRIMARY KEY,
  user_id        uuid NOT NULL CONSTRAINT notification_user REFERENCES users ON DELETE CASCADE,
  kind           text NOT NULL CONSTRAINT notification_kind_known CHECK (kind IN (
                   'appointment_requested', 'appointment_confirmed', 'appointment_rejected', 'appointment_changed',
                   'appointment_cancelled', 'appointment_reminder', 'documents_missing', 'document_uploaded',
                   'document_accepted', 'document_rejected', 'documents_accepted', 'act_available', 'act_created',
                   'act_signed', 'act_completed', 'system_message', 'other')),
  arguments      jsonb NOT NULL DEFAULT '{}' CONSTRAINT notification_arguments_size CHECK (length(arguments::text) <= 8000),
  appointment_id uuid CONSTRAINT notification_appointment REFERENCES appointment ON DELETE CASCADE,
  act_id         uuid,
  read_at        timestamptz,
  mailed_at      timestamptz,
  created_at     timestamptz NOT NULL
);
CREATE INDEX notification_user ON notification (user_id, id DESC);
CREATE INDEX notification_unread ON notification (user_id, id DESC) WHERE read_at IS NULL;
CREATE INDEX notification_age ON notification (created_at);

-- Which kinds a person wants by mail; without a row, what `notary::notifications` says.
CREATE TABLE notification_preference (
  user_id uuid NOT NULL CONSTRAINT notification_preference_user REFERENCES users ON DELETE CASCADE,
  kind    text NOT NULL,
  by_mail boolean NOT NULL,
  PRIMARY KEY (user_id, kind)
);
