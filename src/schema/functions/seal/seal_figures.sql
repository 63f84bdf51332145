-- How far the log is sealed: the newest tree and its size, how many entries wait for it, for how long the
-- oldest of them has waited, and when the newest checkpoint was signed. Nulls where nothing was ever
-- sealed.
CREATE OR REPLACE FUNCTION "audit"."seal_figures"(
  OUT "name" text, OUT "size" bigint, OUT "through" bigint, OUT "unsealed" bigint,
  OUT "lag_ms" double precision, OUT "sealed_at" timestamptz, OUT "since" timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  tree audit.audit_origin;
  oldest uuid;
begin
  select * into tree from audit.audit_origin as o order by o.origin desc limit 1;
  if not found then
    return;
  end if;
  name := tree.name;
  since := tree.begun_at;
  select c.size, c.sealed_at into size, sealed_at
  from audit.audit_checkpoint as c where c.origin = tree.origin order by c.size desc limit 1;
  size := coalesce(size, 0);
  through := tree.first_seq - 1 + size;
  unsealed := greatest((select h.seq from audit.audit_head as h) - through, 0);
  lag_ms := 0;
  if unsealed > 0 then
    oldest := audit.id_of_seq(through + 1);
    execute 'select extract(epoch from clock_timestamp() - l.logged_at) * 1000
      from audit.audit_log as l where l.id = $1' into lag_ms using oldest;
    -- The entry is gone: since the last checkpoint, at most.
    lag_ms := greatest(coalesce(
      lag_ms, extract(epoch from clock_timestamp() - coalesce(sealed_at, since)) * 1000), 0);
  end if;
end
$$;
