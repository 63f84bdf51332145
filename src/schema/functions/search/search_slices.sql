-- All slices of a run, one behind the other, and how many bits a group has. For the relay, which joins blocks.
CREATE OR REPLACE FUNCTION "audit"."search_slices"(
  "first_block" bigint, OUT "log2" smallint, OUT "slices" bytea
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select r.log2, (
    select string_agg(s.slices, ''::bytea order by s.part) from audit.audit_search_slice as s
    where s.first_block = r.first_block
  )
  from audit.audit_search_run as r
  where r.first_block = search_slices.first_block and r.blocks = 1 and r.log2 is not null
$$;
