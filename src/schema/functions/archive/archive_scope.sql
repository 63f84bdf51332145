-- What the archive of a partition says of it: its bounds, the log's history, the schema's version and
-- the type of users', events' and targets' ids.
-- A table that is attached nowhere and stands in no catalogue has no bounds: they are null.
CREATE OR REPLACE FUNCTION "audit"."archive_scope"(
  "log_table" text, OUT "from_id" uuid, OUT "to_id" uuid, OUT "history" uuid,
  OUT "schema_version" integer, OUT "ids" text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  bounds text[];
begin
  select regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('(.{36})'\) TO \('(.{36})'\)$re$)
  into bounds from pg_class as c where c.oid = audit.archive_table(log_table)::regclass;
  from_id := bounds[1];
  to_id := bounds[2];
  if from_id is null then
    select p.from_id, p.to_id into from_id, to_id
    from audit.audit_partition as p where p.name = log_table;
  end if;
  select h.history into history from audit.audit_head as h;
  select v.version into schema_version from audit.audit_schema_version as v;
  select format_type(a.atttypid, null) into ids
  from pg_attribute as a where a.attrelid = 'audit.audit_log'::regclass and a.attname = 'user_id';
end
$$;
