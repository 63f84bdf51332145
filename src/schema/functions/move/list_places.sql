-- The places and ids of the next rows of a lane (at most max_rows), in no order. Rows that another
-- session holds are left out. The relay asks when the log refused a batch, to find the row at fault.
CREATE OR REPLACE FUNCTION "audit"."list_places"(
  "lane" text, "max_rows" integer, OUT "place" text, OUT "id" uuid
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if lane is null or lane not in ('staging', 'outbox', 'import') then
    raise exception 'audit.list_places knows the lanes staging, outbox and import'
      using errcode = 'invalid_parameter_value';
  end if;
  return query execute format(
    'select l.ctid::text, l.id from audit.audit_%s as l limit $1 for update of l skip locked', lane)
  using max_rows;
end
$$;
