-- The hashes of a tile of the seal, one behind the other. Null where there is none.
CREATE OR REPLACE FUNCTION "audit"."read_tile"("origin" smallint, "level" smallint, "n" bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select t.hashes from audit.audit_tile as t
  where t.origin = read_tile.origin and t.level = read_tile.level and t.n = read_tile.n
$$;
