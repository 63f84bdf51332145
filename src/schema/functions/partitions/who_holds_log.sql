-- The sessions that hold a lock of the log or of one of its partitions, the longest transaction
-- first. While one of them does, no partition can be made. transaction names the transaction in which
-- a session holds it. for_ms is how long that has been open, in milliseconds; null where audit_owner
-- may not see it, which is so for most logins.
CREATE OR REPLACE FUNCTION "audit"."who_holds_log"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "transaction" text,
  OUT "for_ms" double precision
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.pid, a.usename::text, a.application_name, l.transaction,
    (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::double precision
  from (
    select distinct k.pid, k.virtualtransaction as transaction from pg_locks as k
    where k.locktype = 'relation' and k.granted and k.pid is distinct from pg_backend_pid()
      and k.database = (select d.oid from pg_database as d where d.datname = current_database())
      and (
        k.relation = 'audit.audit_log'::regclass
        or k.relation in (
          select i.inhrelid from pg_inherits as i where i.inhparent = 'audit.audit_log'::regclass
        )
      )
  ) as l
  left join pg_stat_activity as a on a.pid = l.pid
  order by a.xact_start nulls last, l.pid
$$;
