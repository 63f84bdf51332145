-- How many rows wait in a lane, whether that is an estimate, and the age of the oldest of those
-- looked at, in milliseconds (null where none waits). The cost is bounded, however long the lane is:
-- the function looks at about 512 pages (4 MiB) of it, at some tens of thousands of rows.
--
-- The age is that of the time in the id, which is that of record(). An id from elsewhere may hold no
-- time: one that would be older than ten years or from the future is left out.
CREATE OR REPLACE FUNCTION "audit"."lane_look"(
  "lane" text, OUT "depth" double precision, OUT "is_estimate" boolean,
  OUT "age_ms" double precision
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  max_pages constant integer := 512;
  -- How many times that size the lane is long; 1 where it is no longer.
  share float8;
begin
  if lane is null or lane not in ('staging', 'outbox', 'import') then
    raise exception 'audit.lane_look knows the lanes staging, outbox and import'
      using errcode = 'invalid_parameter_value';
  end if;
  share := greatest(1, pg_relation_size(('audit.audit_' || lane)::regclass)
    / current_setting('block_size')::float8 / max_pages);
  is_estimate := share > 1;
  execute format($look$
    with sample as materialized (
      select s.id from audit.audit_%s as s tablesample system (100 / $1)
    )
    select
      (select ceil(count(*) * $1) from sample),
      (
        select greatest(0, extract(epoch from clock_timestamp()) * 1000
          - ('x' || left(replace(s.id::text, '-', ''), 12))::bit(48)::bigint)
        from sample as s
        where s.id >= audit.id_floor(now() - interval '10 years')
          and s.id < audit.id_floor(now() + interval '1 day')
        order by s.id limit 1
      )
    $look$, lane)
  into depth, age_ms using share;
end
$$;
