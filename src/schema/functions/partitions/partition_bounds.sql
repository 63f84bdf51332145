-- The log's partitions as Postgres has them, DEFAULT left out: the smallest id in each and the smallest
-- id behind it. is_exact is false for a partition without a beginning or an end. is_ours: it has a
-- name that ensure_partitions gives, and lies in our schema.
CREATE OR REPLACE FUNCTION "audit"."partition_bounds"(
  OUT "table_id" oid, OUT "schema" text, OUT "name" text, OUT "first_id" uuid, OUT "end_id" uuid,
  OUT "is_exact" boolean, OUT "is_ours" boolean
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select c.oid, n.nspname::text, c.relname::text,
    coalesce(b.ids[1]::uuid, '00000000-0000-0000-0000-000000000000'),
    coalesce(b.ids[2]::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    b.ids[1] is not null and b.ids[2] is not null,
    n.nspname = 'audit' and c.relname ~ '^audit_log_[0-9]{4,5}_[0-9]{2}(_[0-9]{2}(_[0-9]{9})?)?$'
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid
  join pg_namespace as n on n.oid = c.relnamespace
  cross join lateral (
    select pg_get_expr(c.relpartbound, c.oid) as text
  ) as e
  cross join lateral (
    select regexp_match(e.text,
      '^FOR VALUES FROM [(](?:MINVALUE|''([0-9a-f-]{36})'')[)] TO [(](?:MAXVALUE|''([0-9a-f-]{36})'')[)]$'
    ) as ids
  ) as b
  where i.inhparent = 'audit.audit_log'::regclass and e.text <> 'DEFAULT'
$$;
