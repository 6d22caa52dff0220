-- The picture of an office, as it is shown to everybody; and finding partners who were verified.

ALTER TABLE notary
  ADD COLUMN picture text CONSTRAINT notary_picture_once UNIQUE, -- names its files in the storage
  ADD COLUMN picture_alt text NOT NULL DEFAULT '' CONSTRAINT notary_picture_alt_length CHECK (length(picture_alt) <= 300);

CREATE INDEX partner_found ON partner (folded(business_name), user_id) WHERE is_verified;
CREATE INDEX partner_province ON partner (province, folded(business_name), user_id) WHERE is_verified;
