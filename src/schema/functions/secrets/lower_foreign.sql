-- Lower case of Cyrillic and Greek letters, whatever the database's locale is. Its encoding is UTF8.
CREATE OR REPLACE FUNCTION "audit"."lower_foreign"("name" text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select translate(name, string_agg(chr(n), '' order by n), string_agg(chr(n + 32), '' order by n))
  from (select generate_series(1040, 1071) union all select generate_series(913, 937)) as upper (n)
  where n <> 930
$$;
