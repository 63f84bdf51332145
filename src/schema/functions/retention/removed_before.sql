-- The retention line as a time, for readers: a policy has removed entries of before it. "is_archived"
-- says whether all of them were archived first. No row where nothing was removed.
CREATE OR REPLACE FUNCTION "audit"."removed_before"(
  OUT "line_at" timestamptz, OUT "is_archived" boolean
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select audit.id_time(r.line_id), not exists (
    select from audit.audit_swap as s
    where s.state in ('swapped', 'dropped') and coalesce(s.archive, 'null') = 'null'
  )
  from audit.audit_retention as r where r.line_id is not null
$$;
