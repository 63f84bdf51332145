-- The place of the log that has this name, as audit.log_places() prints it. It raises for every other
-- name, so that nobody looks into another table by the functions of an erasure.
CREATE OR REPLACE FUNCTION "audit"."place_of"("name" text) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  found_place regclass;
begin
  select p.place into found_place from audit.log_places() as p where p.place::text = name;
  if found_place is null then
    raise exception 'the log has no place "%"', name
      using errcode = 'undefined_table', hint = 'audit.list_log_places() has them.';
  end if;
  return found_place;
end
$$;
