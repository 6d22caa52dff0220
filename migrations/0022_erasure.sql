-- What goes by itself, and what erased people are.

-- Documents that the service made for somebody (exports) are removed then.
ALTER TABLE document ADD COLUMN remove_at timestamptz;
CREATE INDEX document_remove_at ON document (remove_at) WHERE remove_at IS NOT NULL;

-- Nobody logs in as a person who was erased, whatever is done to the account.
ALTER TABLE users ADD CONSTRAINT users_erased_is_disabled CHECK (erased_at IS NULL OR status = 'disabled');
CREATE INDEX users_erased ON users (erased_at) WHERE erased_at IS NOT NULL;
