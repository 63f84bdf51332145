-- Turns it off, and forgets all names. Returns how many there were. The entries keep theirs.
CREATE OR REPLACE FUNCTION "audit"."names_off"() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  forgotten bigint;
begin
  -- First, so that what a relay is writing is waited for, and nothing is written after it.
  delete from audit.audit_follow as f where f.consumer = 'names';
  delete from audit.audit_label;
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;
