-- A document without what its changes tell of hidden fields. A change names its field in three ways: by the
-- keys on the way to it, by a label next to it, as "field" is, and by the keys within its two sides. So a
-- field that is left out of the document itself would still be told by each change of it.
--
-- "hidden" are the paths of the fields, each as its keys with U+0001 behind each. A name that holds such a
-- path anywhere, in any case, is one of the field: of "card" also "order.card" and "Card.number", as in
-- "changed:card".
-- Of a document over 32 KiB that names a field nothing is left, so that no document can take long.
CREATE OR REPLACE FUNCTION "audit"."without_changes"("given" jsonb, "hidden" text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
declare
  small constant text[] := array(select lower(h) from unnest(hidden) as h);
  ends constant text[] := array(
    select distinct split_part(h, E'\x01', -2) from unnest(small) as h);
begin
  if not audit.names_any(given, ends) then
    return given;
  end if;
  if pg_column_size(given) > 32768 then
    return '{}';
  end if;
  return coalesce(audit.without_named(given, small, ends, '{}', false, false, true), '{}');
end
$$;
