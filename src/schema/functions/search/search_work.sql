-- The next thing to be done for the search besides new blocks: blocks whose words were taken out, which are
-- made again, or 16 single blocks that become a run. No row: nothing.
CREATE OR REPLACE FUNCTION "audit"."search_work"(
  OUT "first_block" bigint, OUT "blocks" smallint, OUT "is_made" boolean
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select * from (
    select r.first_block, r.blocks, false from audit.audit_search_run as r
    where r.log2 is null order by r.first_block desc limit 1
  ) as unmade
  union all
  select * from (
    select r.first_block / 16 * 16, 16::smallint, true from audit.audit_search_run as r
    where r.blocks = 1 and r.log2 is not null
    group by r.first_block / 16 having count(*) = 16 limit 1
  ) as single
  limit 1
$$;
