-- Makes an object of a jsonb value, because the log's jsonb columns take nothing else. An object
-- stays as it is, null becomes {}, and any other value is kept under the key "value".
CREATE OR REPLACE FUNCTION "audit"."object_of"("given" jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case coalesce(jsonb_typeof(given), 'null')
    when 'null' then '{}'
    when 'object' then given
    else jsonb_build_object('value', given)
  end
$$;
