-- month, week or day: how wide the next partitions are.
--
-- - auto goes by the rate of entries: months up to 2 million entries a month, weeks up to 8 million,
--   else days. It takes a narrower one only where half a year of it stays within max_partitions.
-- - Whatever is wanted, a partition is at most a quarter as wide as the shortest policy, because
--   entries go with the end of their partition: months for 124 days and more, weeks for 28 and more. A
--   policy that does not count yet is looked at, too.
CREATE OR REPLACE FUNCTION "audit"."partition_width"("wanted" text, "max_partitions" integer)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  width text := wanted;
  rate double precision;
  ours bigint;
  shortest interval;
begin
  if width = 'auto' then
    rate := audit.entries_a_month();
    width := case when rate <= 2000000 then 'month' when rate <= 8000000 then 'week' else 'day' end;
  end if;
  select min(p.keep) into shortest
  from (values (now()), (now() + interval '1 year')) as t (at), audit.policies_in_force(t.at) as p;
  if shortest < interval '28 days' then
    width := 'day';
  elsif shortest < interval '124 days' and width = 'month' then
    width := 'week';
  end if;
  if wanted = 'auto' and width <> 'month' then
    select count(*) into ours from audit.partition_bounds() as b where b.is_ours;
    if width = 'day' and ours + 183 > max_partitions then
      width := 'week';
    end if;
    if width = 'week' and ours + 26 > max_partitions then
      width := 'month';
    end if;
  end if;
  return width;
end
$$;
