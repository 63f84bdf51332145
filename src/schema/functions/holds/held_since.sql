-- How many entries of a table that was taken out of the log are on hold and nowhere in the log: a hold
-- was placed since. They stay until somebody undoes the removal or releases the hold.
CREATE OR REPLACE FUNCTION "audit"."held_since"("swap" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  gone audit.audit_swap;
  condition text := audit.held_condition();
  held bigint := 0;
begin
  select * into gone from audit.audit_swap as s
  where s.swap = held_since.swap and s.state = 'swapped';
  if found and condition <> 'false' then
    execute format(
      'select count(*) from audit.%I as r '
      'where (%s) and r.seq <@ $1 and not exists (select from audit.audit_log as l where l.id = r.id)',
      gone.detached, condition)
    into held using gone.runs::int8multirange;
  end if;
  return held;
end
$$;
