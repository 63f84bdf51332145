-- Reads what was given for a list of ids, each as read_id() reads one. What is no list is taken for a
-- list of one and marked. Ids beyond the bound are left out and marked. What the columns cannot hold is
-- kept in "invalid" as a list, up to the same bound.
CREATE OR REPLACE FUNCTION "audit"."read_ids"(
  "given" json, "field" text, "ids_are_text" boolean,
  OUT "ids" text[], OUT "invalid" jsonb, OUT "marks" text[], OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  max_ids constant integer := audit.bound('more_targets');
  list json := given;
  kept jsonb := '[]';
  one json;
  seen record;
begin
  invalid := '{}';
  marks := '{}';
  paths := '{}';
  if coalesce(json_typeof(given), 'null') = 'null' or given #>> '{}' = '' then
    return;
  end if;
  if json_typeof(given) <> 'array' then
    list := json_build_array(given);
    marks := array[field || '.wrapped'];
  end if;
  for one in select e from json_array_elements(list) with ordinality as t (e, n) order by n loop
    if coalesce(cardinality(ids), 0) + jsonb_array_length(kept) = max_ids then
      marks := marks || (field || '.truncated');
      exit;
    end if;
    seen := audit.read_id(one, field, ids_are_text);
    paths := paths || seen.paths;
    marks := marks || seen.marks;
    if seen.id is not null then
      ids := ids || seen.id;
    elsif seen.invalid ? field then
      kept := kept || (seen.invalid -> field);
    end if;
  end loop;
  if kept <> '[]' then
    invalid := jsonb_build_object(field, kept);
  end if;
end
$$;
