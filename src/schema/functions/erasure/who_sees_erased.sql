-- Who may still see rows as they were before "cut", a transaction's number: while there is one, a table
-- that is rewritten keeps the old rows. A session of another database counts where it has written
-- something: no snapshot here is newer than its transaction. So do prepared transactions, replication
-- slots, and standbys that send their feedback.
CREATE OR REPLACE FUNCTION "audit"."who_sees_erased"(
  "cut" text, OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "what" text
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select a.pid, a.usename::text, a.application_name, 'session'
  from pg_stat_activity as a
  where a.pid is distinct from pg_backend_pid() and (
    age(a.backend_xid) > age(cut::xid8::xid)
    or age(a.backend_xmin) > age(cut::xid8::xid)
      and (a.datname is null or a.datname = current_database())
  )
  union all
  select null, p.owner::text, null, format('prepared transaction %s', p.gid)
  from pg_prepared_xacts as p where age(p.transaction) > age(cut::xid8::xid)
  union all
  select s.active_pid, null, null, format('replication slot %s', s.slot_name)
  from pg_replication_slots as s where age(s.xmin) > age(cut::xid8::xid)
$$;
