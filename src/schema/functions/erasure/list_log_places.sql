-- The tables that hold entries of the log, by name: its partitions first, then copies next to it. Of a
-- copy "kind" says whether it was removed by a policy and waits for its drop.
CREATE OR REPLACE FUNCTION "audit"."list_log_places"(OUT "place" text, OUT "kind" text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select p.place::text, p.kind from audit.log_places() as p
  order by p.kind <> 'partition', p.place::text
$$;
