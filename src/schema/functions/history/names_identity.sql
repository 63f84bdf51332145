-- Whether a name is one of those that identify or describe, as identifies() in
-- src/redact/secret-keys.ts: id, createdAt, userName, scopes. Under a secret name, what is under these
-- stays.
CREATE OR REPLACE FUNCTION "audit"."names_identity"("name" text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select coalesce(lists -> 'words' ->> (
    select w from unnest(audit.name_words(right(name, 96), lists)) with ordinality as t (w, n)
    where w !~ '^[0-9]+$' order by n desc limit 1
  ), '') ~ 'I'
  from audit.secret_words() as lists
$$;
