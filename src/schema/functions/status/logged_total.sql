-- The last number of the log, and how many entries of recorders the moves have logged up to it.
CREATE OR REPLACE FUNCTION "audit"."logged_total"(OUT "last_seq" bigint, OUT "logged" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.seq, (select coalesce(sum(r.logged), 0)::bigint from audit.audit_recorder as r)
  from audit.audit_head as h
$$;
