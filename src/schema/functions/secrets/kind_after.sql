-- What the words after the secret word make of it: passwordNew, passwordChangedAt. As afterCore() in
-- src/redact/secret-keys.ts.
CREATE OR REPLACE FUNCTION "audit"."kind_after"("core" text, "after" text[], "kinds" jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  is_value constant boolean := coalesce(after[cardinality(after)], '')
    ~ '^(?:val|value|plaintext|cleartext)s?$';
  kind text := core;
  word text;
begin
  foreach word in array after loop
    continue when word ~ '^[0-9]+$' or kinds ->> word ~ 'V';
    continue when word = 'number' and core = 'code';
    if kinds ->> word ~ 'D' and not is_value then
      return null;
    end if;
    kind := case when core in ('password', 'passwords') then 'pass' else 'maybe' end;
  end loop;
  return kind;
end
$$;
