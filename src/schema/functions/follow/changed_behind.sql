-- Says to what follows the log that these entries were emptied or removed, or that they came back: nothing
-- that was read of them before is written any more.
CREATE OR REPLACE FUNCTION "audit"."changed_behind"("seqs" int8multirange, "came_back" boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
begin
  if isempty(seqs) then
    return;
  end if;
  update audit.audit_follow as f set changes = f.changes + 1;
end
$$;
