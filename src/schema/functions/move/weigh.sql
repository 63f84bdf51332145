-- Which of the small, busy tables are heavier than they should be, as audit.compact names them. Up to
-- such a size a table is left alone. It holds few live rows, so above that size it is mostly dead
-- rows, which every batch has to step over.
CREATE OR REPLACE FUNCTION "audit"."weigh"() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.target
  from (
    values ('staging', 4096), ('outbox', 4096), ('import', 16384), ('head', 128), ('recorder', 1024)
  ) as l (target, kilobytes)
  where pg_relation_size(('audit.audit_' || l.target)::regclass) > l.kilobytes * 1024
    -- While an import fills its lane, the lane holds more than audit.compact() puts back.
    and (l.target <> 'import'
      or (select count(*) from (select from audit.audit_import limit 2001) as i) <= 2000)
$$;
