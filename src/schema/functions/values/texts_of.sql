-- The ids that a value of an entry's JSON can stand for: itself, the id of an object, or those of an
-- array. Each as it is written, cut as the columns of text ids cut it, and as the log's columns print
-- a UUID.
CREATE OR REPLACE FUNCTION "audit"."texts_of"("given" json) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(array_agg(forms.form), '{}')
  from json_array_elements(
    case when json_typeof(given) = 'array' then given else json_build_array(given) end) as one,
  lateral (
    select case when json_typeof(one) = 'object' then one ->> 'id' else one #>> '{}' end
  ) as seen (id),
  lateral unnest(array[
    left(seen.id, audit.bound('text_characters')::integer), audit.uuid_or_null(seen.id)::text
  ]) as forms (form)
  where forms.form is not null
$$;
