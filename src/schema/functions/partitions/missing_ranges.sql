-- The ranges of ids from one instant to another that no partition holds, one for each month, week or
-- day. A range is shorter where a partition already holds a part of that month, week or day: two
-- partitions never overlap, whatever their widths and names are. "without": partitions that are
-- looked upon as gone.
CREATE OR REPLACE FUNCTION "audit"."missing_ranges"(
  "from_at" timestamptz, "to_at" timestamptz, "width" text, "without" text[],
  OUT "first_id" uuid, OUT "end_id" uuid
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  with unit as (
    select
      audit.id_floor(greatest(s.start_at, from_at)) as first_id,
      audit.id_floor(least(s.start_at + ('1 ' || width)::interval, to_at)) as end_id
    from generate_series(
      date_trunc(width, from_at), to_at - interval '1 microsecond', ('1 ' || width)::interval
    ) as s (start_at)
  ),
  edge as (
    select u.first_id as unit, u.first_id, u.first_id as end_id from unit as u
    union all
    select u.first_id, u.end_id, u.end_id from unit as u
    union all
    select u.first_id, greatest(b.first_id, u.first_id), least(b.end_id, u.end_id)
    from unit as u
    join audit.partition_bounds() as b on b.first_id < u.end_id and b.end_id > u.first_id
    where b.name <> all(coalesce(without, '{}'))
  ),
  gap as (
    select
      lag(e.end_id) over (partition by e.unit order by e.first_id, e.end_id) as first_id,
      e.first_id as end_id
    from edge as e
  )
  select g.first_id, g.end_id from gap as g where g.first_id < g.end_id order by g.first_id
$$;
