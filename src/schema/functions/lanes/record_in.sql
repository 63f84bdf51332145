-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction: all
-- of them, or it raises, and the transaction cannot commit. It takes what record() takes and returns
-- how many entries that were. It also raises for an occurred_at that is no time, where record()
-- stores now.
CREATE OR REPLACE FUNCTION "audit"."record_in"("entries" text, "redacted" boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
begin
  if entries is null then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'null_value_not_allowed';
  end if;
  return audit.put_entries(entries, redacted is true, true);
end
$$;
