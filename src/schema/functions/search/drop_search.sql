-- Drops what the search knows of entries from this number on, which begins a block, because the log has given
-- their numbers again. Of a run across it the blocks before stay, and are made again.
CREATE OR REPLACE FUNCTION "audit"."drop_search"("from_seq" bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  cut constant bigint := (from_seq - 1) / 4096;
begin
  delete from audit.audit_search_slice as s
  using audit.audit_search_run as r
  where r.first_block = s.first_block and r.first_block + r.blocks > cut;
  delete from audit.audit_search_run as r where r.first_block >= cut;
  update audit.audit_search_run as r set blocks = cut - r.first_block, log2 = null
  where r.first_block + r.blocks > cut;
  delete from audit.audit_search_block as b where b.block >= cut;
  return true;
end
$$;
