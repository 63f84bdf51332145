-- How far the search is: from which number on, up to which one, and how many numbers wait (less than 4,096
-- always do); blocks whose words were taken out and that are made again; how many bytes it takes. No row where
-- it is off.
CREATE OR REPLACE FUNCTION "audit"."search_state"(
  OUT "since_seq" bigint, OUT "seq" bigint, OUT "head" bigint, OUT "moved_at" timestamptz,
  OUT "blocks" bigint, OUT "unmade" bigint, OUT "bytes" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select f.since_seq, f.seq, f.head, f.moved_at,
    (select coalesce(sum(r.blocks), 0) from audit.audit_search_run as r),
    (select coalesce(sum(r.blocks), 0) from audit.audit_search_run as r where r.log2 is null),
    pg_total_relation_size('audit.audit_search_slice') + pg_total_relation_size('audit.audit_search_run')
      + pg_total_relation_size('audit.audit_search_block')
  from audit.follow_state() as f where f.consumer = 'search'
$$;
