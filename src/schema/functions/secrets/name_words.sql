-- A name's words in lower case: X-API-Key, dbPasswordNew, client_secret, accesstoken. As wordsOf() in
-- src/redact/secret-keys.ts does. Accents and invisible characters are dropped, and letters of other
-- scripts become the Latin ones that they resemble, where the database's encoding is UTF8.
CREATE OR REPLACE FUNCTION "audit"."name_words"("name" text, "lists" jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  plain text := name;
  part text;
  words text[] := '{}';
begin
  if octet_length(name) > length(name) and current_setting('server_encoding') = 'UTF8' then
    plain := regexp_replace(
      normalize(name, nfkd),
      $re$[\u0300-\u036f\u00ad\u061c\u180e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]$re$,
      '', 'g');
    plain := translate(plain, (
      select string_agg(chr(c::integer), '' order by n)
      from jsonb_array_elements_text(lists -> 'lookalikes' -> 'from') with ordinality as t (c, n)
    ), lists -> 'lookalikes' ->> 'to');
    plain := regexp_replace(plain, $re$[\u00df\u1e9e]$re$, 'ss', 'g');
    plain := regexp_replace(plain, $re$[\u00e6\u00c6]$re$, 'ae', 'g');
  end if;
  for part in
    select m[1]
    from regexp_matches(
      plain, '[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[0-9]+' collate "C", 'g') as m
  loop
    words := words || audit.split_word(lower(part collate "C"), lists);
  end loop;
  return words;
end
$$;
