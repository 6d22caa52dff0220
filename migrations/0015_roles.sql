-- Several roles per person. Everybody is a client; `users.role` is read and written no more, and a later migration drops it.

ALTER TABLE users
  ADD COLUMN roles text[] NOT NULL DEFAULT '{client}'
    CONSTRAINT users_roles_known CHECK (
      roles <@ '{client,host,partner,collaborator,notary,staff,admin}' AND roles @> '{client}');

UPDATE users SET roles = CASE role WHEN 'user' THEN '{client}' ELSE ARRAY['client', role] END;

-- Administrators look for a role; nearly everybody is only a client.
CREATE INDEX users_roles_special ON users USING gin (roles) WHERE roles <> '{client}';
