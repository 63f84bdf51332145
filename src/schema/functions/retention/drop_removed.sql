-- The last step of retention: drops a table that was taken out of the log, once the time for an undo is
-- over. It locks nothing of the log. A table of which a hold that was placed since keeps an entry stays:
-- an undo brings that entry back. With a table the salts of its entries go, also those in the openings of
-- erased ones, so that nobody finds out by hashing guesses what they said. Returns how many tables of the partition it dropped, and how many
-- entries on hold kept one from it.
CREATE OR REPLACE FUNCTION "audit"."drop_removed"(
  "partition" text, "lock_timeout_ms" integer DEFAULT 100,
  OUT "dropped" integer, OUT "held" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  gone audit.audit_swap;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  dropped := 0;
  held := 0;
  lock table audit.audit_hold in share mode;
  for gone in
    select * from audit.audit_swap as s
    where s.partition = drop_removed.partition and s.state = 'swapped'
      and s.swapped_at + (select r.undo from audit.audit_retention as r) <= now()
    order by s.swap
  loop
    held := held + audit.held_since(gone.swap);
    exit when held > 0;
    execute format('drop table audit.%I', gone.detached);
    perform audit.forget_salts(gone.runs::int8multirange);
    update audit.audit_erasure as e set opening = (
      select coalesce(jsonb_object_agg(o.key, o.value), '{}')
      from jsonb_each(e.opening) as o where o.value ? 'erased'
    )
    where e.opening is not null and gone.runs::int8multirange @> e.seq;
    update audit.audit_swap as s set state = 'dropped', ended_at = clock_timestamp()
    where s.swap = gone.swap;
    dropped := dropped + 1;
  end loop;
end
$$;
