-- The sessions for which retention may wait, the longest transaction first: those that hold a lock of
-- the log, or that are placing or changing a hold or a policy.
CREATE OR REPLACE FUNCTION "audit"."who_blocks_retention"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "for_ms" double precision
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.pid, h.login, h.application, max(h.for_ms)
  from (
    select w.pid, w.login, w.application, w.for_ms from audit.who_holds_log() as w
    union all
    select k.pid, a.usename::text, a.application_name,
      (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::double precision
    from pg_locks as k left join pg_stat_activity as a on a.pid = k.pid
    where k.locktype = 'relation' and k.granted and k.pid is distinct from pg_backend_pid()
      and k.mode <> 'AccessShareLock'
      and k.database = (select d.oid from pg_database as d where d.datname = current_database())
      and k.relation in (
        to_regclass('audit.audit_hold'), to_regclass('audit.audit_policy'),
        to_regclass('audit.audit_retention')
      )
  ) as h
  group by h.pid, h.login, h.application
  order by 4 desc nulls last, 1
$$;
