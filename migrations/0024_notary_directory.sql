-- The notary desk: offices, who works in them, whom they serve, what they offer, and what is said of them.
--
-- People are accounts (users); these tables say what they are to the desk. A notary is one office with one licence.

CREATE EXTENSION IF NOT EXISTS btree_gist; -- trusted, as are those of the events desk: a notary and a time in one exclusion
CREATE EXTENSION IF NOT EXISTS cube;

-- A place on a sphere of 6371.0088 km (the mean radius of IUGG), in kilometres from its centre: the straight line between two
-- places grows with the distance over ground, so that an index over cubes finds the nearest in the right order.
CREATE FUNCTION place_on_earth(latitude double precision, longitude double precision) RETURNS cube
  LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
  AS $$ SELECT public.cube(ARRAY[
    6371.0088 * cos(radians(latitude)) * cos(radians(longitude)),
    6371.0088 * cos(radians(latitude)) * sin(radians(longitude)),
    6371.0088 * sin(radians(latitude))]) $$;

CREATE TABLE notary (
  id                uuid PRIMARY KEY,
  user_id           uuid NOT NULL CONSTRAINT notary_user_unique UNIQUE CONSTRAINT notary_user REFERENCES users,
  first_name        text NOT NULL CONSTRAINT notary_first_name_length CHECK (length(first_name) BETWEEN 1 AND 100),
  last_name         text NOT NULL CONSTRAINT notary_last_name_length CHECK (length(last_name) BETWEEN 1 AND 100),
  office_name       text NOT NULL CONSTRAINT notary_office_name_length CHECK (length(office_name) BETWEEN 1 AND 200),
  office_kind       text NOT NULL DEFAULT 'single'
                      CONSTRAINT notary_office_kind_known CHECK (office_kind IN ('single', 'associated', 'company')),
  roll_number       text CONSTRAINT notary_roll_number_unique UNIQUE
                      CONSTRAINT notary_roll_number_length CHECK (length(roll_number) BETWEEN 1 AND 30),
  district          text CONSTRAINT notary_district_length CHECK (length(district) BETWEEN 1 AND 100),
  enrolled_on       date,
  fiscal_code       text CONSTRAINT notary_fiscal_code_unique UNIQUE
                      CONSTRAINT notary_fiscal_code_form CHECK (fiscal_code ~ '^[A-Z0-9]{16}$'),
  vat_number        text CONSTRAINT notary_vat_number_unique UNIQUE
                      CONSTRAINT notary_vat_number_form CHECK (vat_number ~ '^([0-9]{11}|SM[0-9]{1,5})$'),
  bio               text NOT NULL DEFAULT '' CONSTRAINT notary_bio_length CHECK (length(bio) <= 4000),
  specialisations   text[] NOT NULL DEFAULT '{}' CONSTRAINT notary_specialisations_known CHECK (specialisations <@ '{
                      powers_of_attorney,persons_and_family,successions_and_donations,property_and_sales,
                      obligations_and_contracts,companies,formalities_and_protection,special_rules}'),
  languages         text[] NOT NULL DEFAULT '{it}'
                      CONSTRAINT notary_languages_some CHECK (cardinality(languages) BETWEEN 1 AND 10),
  experience_years  smallint CONSTRAINT notary_experience_plausible CHECK (experience_years BETWEEN 0 AND 70),
  offers            text[] NOT NULL DEFAULT '{}' CONSTRAINT notary_offers_known CHECK (offers <@ '{
                      documents,agenda,chat,acts,signature,certified_mail,conservation}'),
  phone             text CONSTRAINT notary_phone_length CHECK (length(phone) BETWEEN 5 AND 20),
  office_email      text CONSTRAINT notary_office_email_length CHECK (length(office_email) BETWEEN 3 AND 254),
  certified_address text CONSTRAINT notary_certified_address_unique UNIQUE
                      CONSTRAINT notary_certified_address_length CHECK (length(certified_address) BETWEEN 3 AND 254),
  website           text CONSTRAINT notary_website_form CHECK (website ~ '^https?://' AND length(website) <= 300),
  street            text CONSTRAINT notary_street_length CHECK (length(street) BETWEEN 1 AND 200),
  postal_code       text CONSTRAINT notary_postal_code_length CHECK (length(postal_code) BETWEEN 1 AND 10),
  city              text NOT NULL CONSTRAINT notary_city_length CHECK (length(city) BETWEEN 1 AND 100),
  province          text NOT NULL CONSTRAINT notary_province_form CHECK (province ~ '^[A-Z]{2}$'),
  country           text NOT NULL DEFAULT 'IT' CONSTRAINT notary_country_known CHECK (country IN ('IT', 'SM')),
  latitude          double precision CONSTRAINT notary_latitude_range CHECK (latitude BETWEEN -90 AND 90),
  longitude         double precision CONSTRAINT notary_longitude_range CHECK (longitude BETWEEN -180 AND 180),
  place             cube GENERATED ALWAYS AS (place_on_earth(latitude, longitude)) STORED,
  is_verified       boolean NOT NULL DEFAULT false, -- an administrator has seen that they are one
  is_listed         boolean NOT NULL DEFAULT true,  -- the notary wants to be found
  -- The licence. What it is today follows from these (src/notary/licence.rs).
  licence_active    boolean NOT NULL DEFAULT true,
  licence_starts_on date,
  licence_ends_on   date,                           -- the last day; NULL: without end
  licence_fee_cents bigint NOT NULL DEFAULT 0 CONSTRAINT notary_licence_fee CHECK (licence_fee_cents BETWEEN 0 AND 100000000),
  licence_fee_every text NOT NULL DEFAULT 'year'
                      CONSTRAINT notary_licence_fee_every_known CHECK (licence_fee_every IN ('month', 'year')),
  licence_note      text NOT NULL DEFAULT '' CONSTRAINT notary_licence_note_length CHECK (length(licence_note) <= 2000),
  licence_warned    date,                           -- the last day that the notary was warned of
  -- Kept in the transaction of the review or act that changes them.
  rating_sum        bigint NOT NULL DEFAULT 0,
  rating_count      int NOT NULL DEFAULT 0,
  rating            numeric(3, 2) GENERATED ALWAYS AS (
                      CASE WHEN rating_count = 0 THEN 0 ELSE round(rating_sum::numeric / rating_count, 2) END) STORED,
  acts_count        int NOT NULL DEFAULT 0 CONSTRAINT notary_acts_count_not_negative CHECK (acts_count >= 0),
  search            tsvector NOT NULL,
  version           bigint NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  CONSTRAINT notary_place_whole CHECK ((latitude IS NULL) = (longitude IS NULL)),
  CONSTRAINT notary_licence_ordered CHECK (licence_ends_on >= licence_starts_on),
  CONSTRAINT notary_rating_plausible CHECK (rating_count >= 0 AND rating_sum BETWEEN rating_count AND rating_count * 5)
) WITH (fillfactor = 85);

-- Office and names first, then where, then what they say of themselves.
CREATE FUNCTION notary_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.search :=
    setweight(to_tsvector('simple', folded(NEW.office_name || ' ' || NEW.first_name || ' ' || NEW.last_name)), 'A') ||
    setweight(to_tsvector('simple', folded(NEW.city || ' ' || NEW.province)), 'B') ||
    setweight(to_tsvector('simple', folded(NEW.bio)), 'D');
  RETURN NEW;
END $$;
CREATE TRIGGER notary_search BEFORE INSERT OR UPDATE OF office_name, first_name, last_name, city, province, bio
  ON notary FOR EACH ROW EXECUTE FUNCTION notary_search();

-- One index per sort, all over who can be found; the licence's last day is looked at along the walk.
CREATE INDEX notary_rated  ON notary (rating DESC, rating_count DESC, id DESC) WHERE is_listed AND is_verified AND licence_active;
CREATE INDEX notary_newest ON notary (id DESC)           WHERE is_listed AND is_verified AND licence_active;
CREATE INDEX notary_city   ON notary (folded(city), rating DESC, rating_count DESC, id DESC)
  WHERE is_listed AND is_verified AND licence_active;
CREATE INDEX notary_province ON notary (province, rating DESC, rating_count DESC, id DESC)
  WHERE is_listed AND is_verified AND licence_active;
CREATE INDEX notary_specialisations ON notary USING gin (specialisations) WHERE is_listed AND is_verified AND licence_active;
CREATE INDEX notary_search ON notary USING gin (search)  WHERE is_listed AND is_verified AND licence_active;
CREATE INDEX notary_place  ON notary USING gist (place)  WHERE is_listed AND is_verified AND licence_active;
CREATE INDEX notary_licence_end ON notary (licence_ends_on) WHERE licence_active AND licence_ends_on IS NOT NULL;

CREATE TABLE notary_service (
  id          uuid PRIMARY KEY,
  notary_id   uuid NOT NULL CONSTRAINT notary_service_notary REFERENCES notary ON DELETE CASCADE,
  position    smallint NOT NULL CONSTRAINT notary_service_position CHECK (position BETWEEN 1 AND 50),
  name        text NOT NULL CONSTRAINT notary_service_name_length CHECK (length(name) BETWEEN 1 AND 200),
  description text NOT NULL DEFAULT '' CONSTRAINT notary_service_description_length CHECK (length(description) <= 2000),
  fee_cents   bigint CONSTRAINT notary_service_fee CHECK (fee_cents BETWEEN 0 AND 100000000), -- NULL: on request
  currency    char(3) NOT NULL DEFAULT 'EUR',
  CONSTRAINT notary_service_position_unique UNIQUE (notary_id, position) DEFERRABLE INITIALLY DEFERRED
);

-- Who works in an office. Invited by the notary, who says what they may do; it counts once they have agreed.
CREATE TABLE collaborator (
  user_id     uuid PRIMARY KEY CONSTRAINT collaborator_user REFERENCES users ON DELETE CASCADE,
  notary_id   uuid NOT NULL CONSTRAINT collaborator_notary REFERENCES notary,
  job_title   text NOT NULL DEFAULT '' CONSTRAINT collaborator_job_title_length CHECK (length(job_title) <= 100),
  permissions text[] NOT NULL DEFAULT '{}' CONSTRAINT collaborator_permissions_known CHECK (permissions <@ '{
                manage_agenda,review_documents,manage_acts,manage_templates,send_certified_mail}'),
  agreed_at   timestamptz,
  version     bigint NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL,
  updated_at  timestamptz NOT NULL
);
CREATE INDEX collaborator_notary ON collaborator (notary_id, user_id);

-- Who brings clients and takes part in appointments.
CREATE TABLE partner (
  user_id           uuid PRIMARY KEY CONSTRAINT partner_user REFERENCES users ON DELETE CASCADE,
  kind              text NOT NULL CONSTRAINT partner_kind_known CHECK (kind IN (
                      'estate_agency', 'surveyor', 'architect', 'labour_consultant', 'accountant', 'appraiser')),
  business_name     text NOT NULL CONSTRAINT partner_business_name_length CHECK (length(business_name) BETWEEN 1 AND 200),
  vat_number        text NOT NULL CONSTRAINT partner_vat_number_unique UNIQUE
                      CONSTRAINT partner_vat_number_form CHECK (vat_number ~ '^([0-9]{11}|SM[0-9]{1,5})$'),
  phone             text CONSTRAINT partner_phone_length CHECK (length(phone) BETWEEN 5 AND 20),
  certified_address text CONSTRAINT partner_certified_address_length CHECK (length(certified_address) BETWEEN 3 AND 254),
  website           text CONSTRAINT partner_website_form CHECK (website ~ '^https?://' AND length(website) <= 300),
  street            text CONSTRAINT partner_street_length CHECK (length(street) BETWEEN 1 AND 200),
  postal_code       text CONSTRAINT partner_postal_code_length CHECK (length(postal_code) BETWEEN 1 AND 10),
  city              text NOT NULL CONSTRAINT partner_city_length CHECK (length(city) BETWEEN 1 AND 100),
  province          text NOT NULL CONSTRAINT partner_province_form CHECK (province ~ '^[A-Z]{2}$'),
  is_verified       boolean NOT NULL DEFAULT false,
  version           bigint NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL
);

-- What an act has to say of a client.
CREATE TABLE client_profile (
  user_id           uuid PRIMARY KEY CONSTRAINT client_profile_user REFERENCES users ON DELETE CASCADE,
  first_name        text NOT NULL CONSTRAINT client_profile_first_name_length CHECK (length(first_name) BETWEEN 1 AND 100),
  last_name         text NOT NULL CONSTRAINT client_profile_last_name_length CHECK (length(last_name) BETWEEN 1 AND 100),
  sex               text CONSTRAINT client_profile_sex_known CHECK (sex IN ('female', 'male', 'other')),
  born_on           date,
  birth_place       text CONSTRAINT client_profile_birth_place_length CHECK (length(birth_place) BETWEEN 1 AND 100),
  -- Not unique: who has typed somebody else's must not keep them out.
  fiscal_code       text CONSTRAINT client_profile_fiscal_code_form CHECK (fiscal_code ~ '^[A-Z0-9]{16}$'),
  civil_status      text CONSTRAINT client_profile_civil_status_known CHECK (civil_status IN (
                      'single', 'married', 'divorced', 'widowed', 'separated', 'civil_union')),
  property_regime   text CONSTRAINT client_profile_property_regime_known CHECK (property_regime IN (
                      'community', 'separation', 'patrimonial_fund', 'not_applicable')),
  phone             text CONSTRAINT client_profile_phone_length CHECK (length(phone) BETWEEN 5 AND 20),
  certified_address text CONSTRAINT client_profile_certified_address_length CHECK (length(certified_address) BETWEEN 3 AND 254),
  street            text CONSTRAINT client_profile_street_length CHECK (length(street) BETWEEN 1 AND 200),
  postal_code       text CONSTRAINT client_profile_postal_code_length CHECK (length(postal_code) BETWEEN 1 AND 10),
  city              text CONSTRAINT client_profile_city_length CHECK (length(city) BETWEEN 1 AND 100),
  province          text CONSTRAINT client_profile_province_form CHECK (province ~ '^[A-Z]{2}$'),
  country           text CONSTRAINT client_profile_country_form CHECK (country ~ '^[A-Z]{2}$'),
  id_kind           text CONSTRAINT client_profile_id_kind_known CHECK (id_kind IN ('identity_card', 'passport', 'driving_licence')),
  id_number         text CONSTRAINT client_profile_id_number_length CHECK (length(id_number) BETWEEN 1 AND 30),
  id_expires_on     date,
  version           bigint NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL,
  updated_at        timestamptz NOT NULL,
  CONSTRAINT client_profile_id_whole CHECK ((id_kind IS NULL) = (id_number IS NULL))
);
