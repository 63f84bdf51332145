-- Which ranges of ids need a partition of this width, from this month to the given number of months
-- after it, and which partitions they replace. Of weeks and days only those of the next 31 days are
-- made, so that another width can begin soon.
--
-- What is past of this month is never divided: it needs one partition, and gets few entries.
-- Replaced are partitions of ours that are wider and empty, and not past.
CREATE OR REPLACE FUNCTION "audit"."plan_partitions"(
  "months" integer, "width" text, OUT "first_ids" uuid[], OUT "end_ids" uuid[], OUT "replaced" text[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
#variable_conflict use_column
declare
  this_month constant timestamptz := date_trunc('month', now());
  step constant interval := ('1 ' || width)::interval;
  present constant timestamptz := greatest(this_month, date_trunc(width, now()));
  until timestamptz := this_month + make_interval(months => months + 1);
  wide record;
  is_empty boolean;
begin
  if width <> 'month' then
    until := least(until, date_trunc(width, now() + interval '31 days') + step);
    for wide in
      select b.name from audit.partition_bounds() as b
      join pg_class as c on c.oid = b.table_id
      where b.is_ours and pg_get_userbyid(c.relowner) = current_user
        and b.end_id > audit.id_floor(now())
        and audit.id_time(b.end_id) - audit.id_time(b.first_id) > step
    loop
      execute format('select not exists (select from audit.%I)', wide.name) into is_empty;
      if is_empty then
        replaced := replaced || wide.name;
      end if;
    end loop;
  end if;
  select array_agg(r.first_id order by r.first_id), array_agg(r.end_id order by r.first_id)
  into first_ids, end_ids
  from (
    select * from audit.missing_ranges(this_month, present, 'month', replaced)
    union all
    select * from audit.missing_ranges(present, until, width, replaced)
  ) as r;
end
$$;
