-- Keeps what a witness signed below a checkpoint.
CREATE OR REPLACE FUNCTION "audit"."put_cosignature"(
  "origin" smallint, "size" bigint, "name" text, "line" text
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_cosignature (origin, size, name, line)
  select c.origin, c.size, put_cosignature.name, put_cosignature.line
  from audit.audit_checkpoint as c
  where c.origin = put_cosignature.origin and c.size = put_cosignature.size
  on conflict do nothing
$$;
