-- Puts "[Depth]" in the place of each object and array that stands deeper than so many levels, as the
-- library does. The value itself is the first level.
CREATE OR REPLACE FUNCTION "audit"."cut_deep"("given" jsonb, "levels" integer) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  case jsonb_typeof(given)
    when 'object' then
      if levels = 0 then
        return '"[Depth]"';
      end if;
      return (
        select coalesce(jsonb_object_agg(key, audit.cut_deep(value, levels - 1)), '{}')
        from jsonb_each(given)
      );
    when 'array' then
      if levels = 0 then
        return '"[Depth]"';
      end if;
      return (
        select coalesce(jsonb_agg(audit.cut_deep(value, levels - 1) order by n), '[]')
        from jsonb_array_elements(given) with ordinality as element (value, n)
      );
    else
      return given;
  end case;
end
$$;
