-- Where retention stands, at little cost: the retention line, what the last run found, and when the next partition falls due by a
-- policy that is in force, with its name. The log's own entries and what has gone already are not looked
-- at, so that partition may turn out to hold nothing that is due.
CREATE OR REPLACE FUNCTION "audit"."retention_state"(
  OUT "line_at" timestamptz, OUT "next_at" timestamptz, OUT "next_partition" text,
  OUT "last_run_at" timestamptz, OUT "last_run" jsonb
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
begin
  select audit.id_time(r.line_id), r.last_run_at, r.last_run into line_at, last_run_at, last_run
  from audit.audit_retention as r;
  select d.at, d.name into next_at, next_partition
  from (
    select audit.id_time(p.to_id) + k.keep as at, p.name
    from audit.audit_partition as p cross join audit.policies_in_force() as k
    where k.keep is not null
  ) as d
  where d.at > now()
  order by d.at, d.name limit 1;
end
$$;
