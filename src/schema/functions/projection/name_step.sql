-- Goes on with a name by some keys. "open" is what is left of hidden paths of which the name up to there ends
-- with the beginning; "is_hidden" says whether a hidden path ends within these keys. Hidden paths are in small
-- letters.
CREATE OR REPLACE FUNCTION "audit"."name_step"(
  "hidden" text[], "keys" text[], INOUT "open" text[], OUT "is_hidden" boolean
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
declare
  key text;
begin
  is_hidden := false;
  foreach key in array keys loop
    key := lower(key) || E'\x01';
    open := array(
      select distinct substr(o, length(key) + 1) from unnest(hidden || open) as o
      where starts_with(o, key));
    if '' = any (open) then
      is_hidden := true;
      open := array_remove(open, '');
    end if;
  end loop;
end
$$;
