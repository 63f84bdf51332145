-- The newest checkpoint of the newest tree of the seal, with the lines of its cosignatures. Nulls where
-- there is none.
CREATE OR REPLACE FUNCTION "audit"."newest_checkpoint"(
  OUT "name" text, OUT "size" bigint, OUT "note" text, OUT "sealed_at" timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select o.name, c.size, c.note || coalesce((
      select string_agg(s.line || chr(10), '' order by s.at, s.name)
      from audit.audit_cosignature as s where s.origin = c.origin and s.size = c.size
    ), ''), c.sealed_at
  from audit.audit_origin as o
  join audit.audit_checkpoint as c on c.origin = o.origin
  order by c.origin desc, c.size desc limit 1
$$;
