-- Drops what a restore has made next to the log. Returns how many tables. The log is not touched.
CREATE OR REPLACE FUNCTION "audit"."drop_restored"("log_table" text) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  restored text;
  dropped integer := 0;
begin
  for restored in
    select c.relname from pg_class as c
    where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r' and c.relname in (
      format('restored_%s', log_table), format('restored_%s_part', log_table),
      format('restored_%s_claimed', log_table)
    )
  loop
    execute format('drop table audit.%I', restored);
    dropped := dropped + 1;
  end loop;
  return dropped;
end
$$;
