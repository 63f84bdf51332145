-- The name of the partition for a range of ids: audit_log_2026_11 for a whole month, and
-- audit_log_2026_11_23 for what begins with that day. A part that begins within a day, next to a
-- partition that was made by hand, has the time in its name, too.
CREATE OR REPLACE FUNCTION "audit"."partition_name"("first_id" uuid, "end_id" uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  select 'audit_log_' || to_char(t.start_at, case
    when first_id = audit.id_floor(date_trunc('month', t.start_at))
      and end_id = audit.id_floor(date_trunc('month', t.start_at) + interval '1 month')
    then 'YYYY_MM'
    when first_id = audit.id_floor(date_trunc('day', t.start_at)) then 'YYYY_MM_DD'
    else 'YYYY_MM_DD_HH24MISSMS'
  end)
  from (select audit.id_time(first_id) as start_at) as t
$$;
