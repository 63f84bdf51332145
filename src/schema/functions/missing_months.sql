-- The months without a partition, from this one to the given number of months after it: the name of
-- each one's partition, the smallest id in it and the smallest id behind it.
CREATE OR REPLACE FUNCTION "audit"."missing_months"(
  "months" integer, OUT "name" text, OUT "first_id" uuid, OUT "end_id" uuid
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  select m.name, audit.id_floor(m.start), audit.id_floor(m.start + interval '1 month')
  from (
    select s.start, 'audit_log_' || to_char(s.start, 'YYYY_MM') as name
    from (
      select date_trunc('month', now()) + make_interval(months => ahead) as start
      from generate_series(0, months) as ahead
    ) as s
  ) as m
  where to_regclass('audit.' || m.name) is null
  order by m.start
$$;
