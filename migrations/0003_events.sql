-- The events desk.
--
-- Money is integer cents. tickets_left is changed by one conditional update only (src/events/bookings); the CHECK is
-- the second wall: no event is ever oversold or refilled beyond its capacity.

CREATE EXTENSION IF NOT EXISTS unaccent; -- trusted extensions: the owner of the database may create them
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- unaccent() is only STABLE, because its dictionary can be changed; we never do, so indexes may use it.
CREATE FUNCTION folded(text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
  AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, $1)) $$;

CREATE TABLE cities (
  id          uuid PRIMARY KEY,
  slug        text NOT NULL CONSTRAINT cities_slug_unique UNIQUE,
  name        text NOT NULL CONSTRAINT cities_name_length CHECK (length(name) BETWEEN 1 AND 100),
  province    text NOT NULL,
  country     text NOT NULL DEFAULT 'Italia',
  time_zone   text NOT NULL DEFAULT 'Europe/Rome',
  is_featured boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX cities_name_trigram ON cities USING gin (folded(name) gin_trgm_ops);

CREATE TABLE events (
  id              uuid PRIMARY KEY,
  slug            text NOT NULL CONSTRAINT events_slug_unique UNIQUE,
  host_id         uuid NOT NULL CONSTRAINT events_host REFERENCES users,
  city_id         uuid NOT NULL CONSTRAINT events_city REFERENCES cities,
  title           text NOT NULL CONSTRAINT events_title_length CHECK (length(title) BETWEEN 1 AND 200),
  description     text NOT NULL,
  category        text NOT NULL CONSTRAINT events_category_known
                  CHECK (category IN ('music', 'sports', 'arts', 'food', 'business', 'tech', 'wellness')),
  location        text NOT NULL CONSTRAINT events_location_length CHECK (length(location) BETWEEN 1 AND 200),
  starts_on       date NOT NULL,
  ends_on         date NOT NULL,
  start_time      time,
  time_zone       text NOT NULL DEFAULT 'Europe/Rome',
  price_cents     bigint NOT NULL CONSTRAINT events_price_not_negative CHECK (price_cents >= 0),
  currency        char(3) NOT NULL DEFAULT 'EUR',
  capacity        int NOT NULL CONSTRAINT events_capacity_positive CHECK (capacity >= 1),
  tickets_left    int NOT NULL,
  included            text,
  things_to_know      text,
  cancellation_policy text,
  age_restriction     smallint CONSTRAINT events_age_plausible CHECK (age_restriction BETWEEN 0 AND 99),
  status          text NOT NULL DEFAULT 'published' CONSTRAINT events_status_known CHECK (status IN ('published', 'withdrawn')),
  withdrawn_at    timestamptz,
  is_featured     boolean NOT NULL DEFAULT false,
  -- Kept in the transaction of the review or booking that changes them, so that lists need no aggregate.
  rating_sum      bigint NOT NULL DEFAULT 0,
  rating_count    int NOT NULL DEFAULT 0,
  bookings_count  int NOT NULL DEFAULT 0,
  search          tsvector NOT NULL,
  version         bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT events_tickets_left_in_capacity CHECK (tickets_left BETWEEN 0 AND capacity),
  CONSTRAINT events_dates_ordered CHECK (ends_on >= starts_on),
  CONSTRAINT events_withdrawn_when CHECK ((status = 'withdrawn') = (withdrawn_at IS NOT NULL)),
  CONSTRAINT events_rating_plausible CHECK (rating_count >= 0 AND rating_sum BETWEEN rating_count AND rating_count * 5),
  CONSTRAINT events_bookings_count_not_negative CHECK (bookings_count >= 0)
) WITH (fillfactor = 80); -- tickets_left and the counters change often: leave room for HOT updates

-- Title first, then where, then what kind, then the description. 'simple' does not stem: prefixes work in Italian and
-- English alike.
CREATE FUNCTION events_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search :=
    setweight(to_tsvector('simple', folded(NEW.title)), 'A') ||
    setweight(to_tsvector('simple', folded(NEW.location || ' ' ||
      coalesce((SELECT c.name || ' ' || c.province FROM cities c WHERE c.id = NEW.city_id), ''))), 'B') ||
    setweight(to_tsvector('simple', NEW.category), 'C') ||
    setweight(to_tsvector('simple', folded(left(NEW.description, 4000))), 'D');
  RETURN NEW;
END $$;
CREATE TRIGGER events_search BEFORE INSERT OR UPDATE OF title, description, location, category, city_id
  ON events FOR EACH ROW EXECUTE FUNCTION events_search();

-- One index per sort, all over what can be listed; filters are applied along the walk, and a page is 20 rows.
CREATE INDEX events_new     ON events (created_at DESC, id DESC) WHERE status = 'published';
CREATE INDEX events_start   ON events (starts_on, id)            WHERE status = 'published';
CREATE INDEX events_price   ON events (price_cents, id)          WHERE status = 'published';
CREATE INDEX events_popular ON events (bookings_count DESC, id DESC) WHERE status = 'published';
CREATE INDEX events_city    ON events (city_id, starts_on, id)   WHERE status = 'published';
CREATE INDEX events_category ON events (category, starts_on, id) WHERE status = 'published';
CREATE INDEX events_featured ON events (starts_on, id)           WHERE status = 'published' AND is_featured;
CREATE INDEX events_host    ON events (host_id, created_at DESC);
CREATE INDEX events_ends    ON events (ends_on)                  WHERE status = 'published';
CREATE INDEX events_search  ON events USING gin (search)         WHERE status = 'published';
CREATE INDEX events_title_trigram ON events USING gin (folded(title) gin_trgm_ops) WHERE status = 'published';

CREATE TABLE event_images (
  id         uuid PRIMARY KEY,
  event_id   uuid NOT NULL CONSTRAINT event_images_event REFERENCES events ON DELETE CASCADE,
  key        text NOT NULL CONSTRAINT event_images_key_unique UNIQUE, -- where the storage has it
  thumbnail  text,                                                    -- set by a job
  width      int NOT NULL, height int NOT NULL, bytes int NOT NULL,
  is_primary boolean NOT NULL DEFAULT false,
  position   smallint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_images_event ON event_images (event_id, position, id);
CREATE UNIQUE INDEX event_images_one_primary ON event_images (event_id) WHERE is_primary;

CREATE TABLE bookings (
  id              uuid PRIMARY KEY,
  event_id        uuid NOT NULL CONSTRAINT bookings_event REFERENCES events,
  user_id         uuid NOT NULL CONSTRAINT bookings_user REFERENCES users,
  tickets         smallint NOT NULL CONSTRAINT bookings_tickets_in_range CHECK (tickets BETWEEN 1 AND 10),
  event_date      date NOT NULL,
  unit_cents      bigint NOT NULL,
  total_cents     bigint NOT NULL,
  currency        char(3) NOT NULL DEFAULT 'EUR',
  status          text NOT NULL CONSTRAINT bookings_status_known
                  CHECK (status IN ('pending', 'confirmed', 'cancelled', 'completed', 'expired')),
  code            text CONSTRAINT bookings_code_unique UNIQUE,  -- on the ticket, from confirmation on
  hold_expires_at timestamptz,
  confirmed_at    timestamptz,
  cancelled_at    timestamptz,
  reminded_at     timestamptz,
  cancelled_why   text CONSTRAINT bookings_cancelled_why_known CHECK (cancelled_why IN ('buyer', 'withdrawn', 'unpaid')),
  refund_percent  smallint CONSTRAINT bookings_refund_percent CHECK (refund_percent BETWEEN 0 AND 100),
  refund_cents    bigint NOT NULL DEFAULT 0,
  version         bigint NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL,
  updated_at      timestamptz NOT NULL,
  CONSTRAINT bookings_total_is_product CHECK (total_cents = unit_cents * tickets),
  CONSTRAINT bookings_refund_within_total CHECK (refund_cents BETWEEN 0 AND total_cents),
  CONSTRAINT bookings_pending_is_held CHECK (status <> 'pending' OR hold_expires_at IS NOT NULL),
  CONSTRAINT bookings_confirmed_has_code CHECK (status NOT IN ('confirmed', 'completed') OR (code IS NOT NULL AND confirmed_at IS NOT NULL)),
  CONSTRAINT bookings_ended_when CHECK ((status IN ('cancelled', 'expired')) = (cancelled_at IS NOT NULL))
);
CREATE INDEX bookings_user  ON bookings (user_id, created_at DESC, id DESC);
CREATE INDEX bookings_event ON bookings (event_id, status);
CREATE INDEX bookings_held  ON bookings (hold_expires_at) WHERE status = 'pending';
CREATE INDEX bookings_to_complete ON bookings (event_date) WHERE status = 'confirmed';

-- One attempt to pay, or one refund. The sum of what succeeded is what the provider holds for us.
CREATE TABLE payments (
  id           uuid PRIMARY KEY,
  booking_id   uuid NOT NULL CONSTRAINT payments_booking REFERENCES bookings,
  kind         text NOT NULL CONSTRAINT payments_kind_known CHECK (kind IN ('charge', 'refund')),
  amount_cents bigint NOT NULL CONSTRAINT payments_amount_positive CHECK (amount_cents > 0),
  currency     char(3) NOT NULL DEFAULT 'EUR',
  provider     text NOT NULL,
  reference    text,                     -- the provider's own id
  status       text NOT NULL CONSTRAINT payments_status_known
               CHECK (status IN ('started', 'needs_action', 'succeeded', 'declined', 'failed')),
  failure      text,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL,
  CONSTRAINT payments_reference_unique UNIQUE (provider, reference)
);
CREATE INDEX payments_booking ON payments (booking_id, created_at);
-- A booking is charged once.
CREATE UNIQUE INDEX payments_one_charge ON payments (booking_id) WHERE kind = 'charge' AND status = 'succeeded';
CREATE UNIQUE INDEX payments_one_refund ON payments (booking_id) WHERE kind = 'refund';

-- Webhooks already applied: a duplicate changes nothing.
CREATE TABLE payment_webhooks (
  id          text PRIMARY KEY CONSTRAINT payment_webhooks_id_length CHECK (length(id) BETWEEN 1 AND 200),
  received_at timestamptz NOT NULL
);

CREATE TABLE reviews (
  id         uuid PRIMARY KEY,
  event_id   uuid NOT NULL CONSTRAINT reviews_event REFERENCES events,
  user_id    uuid NOT NULL CONSTRAINT reviews_user REFERENCES users,
  rating     smallint NOT NULL CONSTRAINT reviews_rating_in_range CHECK (rating BETWEEN 1 AND 5),
  comment    text NOT NULL CONSTRAINT reviews_comment_length CHECK (length(comment) <= 2000),
  status     text NOT NULL DEFAULT 'published' CONSTRAINT reviews_status_known CHECK (status IN ('published', 'hidden')),
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT reviews_one_per_person UNIQUE (event_id, user_id)
);
CREATE INDEX reviews_latest ON reviews (event_id, created_at DESC, id DESC) WHERE status = 'published';
CREATE INDEX reviews_user ON reviews (user_id, created_at DESC);

CREATE TABLE favourites (
  user_id    uuid NOT NULL CONSTRAINT favourites_user REFERENCES users ON DELETE CASCADE,
  event_id   uuid NOT NULL CONSTRAINT favourites_event REFERENCES events ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, event_id)
);
CREATE INDEX favourites_newest ON favourites (user_id, created_at DESC, event_id);
