-- The sessions behind which a relay stands back: those of this database that hold the head of the log
-- or a row of audit_turn. is_relay says whether a session's login is a member of the relay's or
-- the owner's role, or is the caller. A session that is no relay stops the moves. transaction names the
-- session's transaction: a relay's transaction ends with its batch.
CREATE OR REPLACE FUNCTION "audit"."who_moves"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "transaction" text,
  OUT "is_relay" boolean
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  with recursive held as (
    select h.xmax as xid from audit.audit_head as h
    union
    select t.xmax from audit.audit_turn as t where t.xmax <> '0'
  ),
  relay as (
    select r.oid from pg_roles as r
    where r.rolname in (session_user, current_user) -- the caller, and the owner of this function
      or r.rolname = (
        select v.role_prefix || 'audit_relay' from audit.audit_schema_version as v
        where v.roles = 'on'
      )
    union
    select m.member from pg_auth_members as m join relay on m.roleid = relay.oid
  )
  select
    l.pid, a.usename::text, a.application_name, l.transactionid::text,
    coalesce(a.usesysid in (select oid from relay), false)
  from held
  join pg_locks as l on l.locktype = 'transactionid' and l.transactionid = held.xid
  left join pg_stat_activity as a on a.pid = l.pid
  where l.granted and l.mode = 'ExclusiveLock' and l.pid is distinct from pg_backend_pid()
  order by 5, 1
$$;
