-- Begins the first tree of the seal in this database, from the first number of the log on. Where there is
-- one, nothing is done: only "audit-relay restored" begins a further one.
CREATE OR REPLACE FUNCTION "audit"."begin_seal"("origin" smallint, "name" text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
  insert into audit.audit_origin (origin, name, first_seq, history)
  select begin_seal.origin, begin_seal.name, 1, h.history
  from audit.audit_head as h
  where not exists (select from audit.audit_origin)
  on conflict do nothing
$$;
