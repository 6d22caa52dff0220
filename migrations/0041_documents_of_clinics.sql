-- A document of a clinic has somebody as its owner, who has sent it or asked for it; it is reached through the clinic desk
-- alone, by who works there at that moment: not by its owner, nor by administrators.
ALTER TABLE document ADD COLUMN of_clinic boolean NOT NULL DEFAULT false;
