-- Refuses a transaction whose statements do not see what others have committed meanwhile: what it
-- compares under a lock could be out of date.
CREATE OR REPLACE FUNCTION "audit"."require_new_snapshots"() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    raise exception 'this cannot be done at the isolation level %',
      current_setting('transaction_isolation')
      using errcode = 'invalid_transaction_state',
        hint = 'Set default_transaction_isolation to read committed for this login.';
  end if;
end
$$;
