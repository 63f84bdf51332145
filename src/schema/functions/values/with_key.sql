-- A context with one more key. Where its name is taken, or is that of the product's own notes, "entry."
-- comes before it.
CREATE OR REPLACE FUNCTION "audit"."with_key"("context" jsonb, "name" text, "value" jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  free text := name;
begin
  while context ? free or free in ('degraded', 'redacted', 'invalid') loop
    free := 'entry.' || free;
  end loop;
  return context || jsonb_build_object(free, value);
end
$$;
