-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction: all
-- of them, or it raises, and the transaction cannot commit. It takes what record() takes and returns
-- how many entries that were.
CREATE OR REPLACE FUNCTION "audit"."record_in"("entries" text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
begin
  if entries is null then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'null_value_not_allowed';
  end if;
  return audit.put_entries(entries, true);
end
$$;
