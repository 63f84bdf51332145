-- SQL for the entries of a partition that an archive takes, as the row "p": all of them, or without
-- those that stand in the table "kept", which is to take the partition's place.
CREATE OR REPLACE FUNCTION "audit"."archive_source"("log_table" text, "kept" text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select format('%s as p where ', audit.archive_table(log_table)) || case
    when kept is null then 'true'
    else format('not exists (select from %s as k where k.id = p.id)', audit.archive_table(kept))
  end
$$;
