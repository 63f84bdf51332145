-- Who may do what to the log, for the entries that say so from time to time: the roles that may use the
-- schema with the logins that are members of them, the superusers, who owns the schema's objects, and
-- whether the triggers that guard the log are on. Of a long list the first 100, with how many there are.
CREATE OR REPLACE FUNCTION "audit"."access_review"() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  with roles as (
    select n.nspowner as role from pg_namespace as n where n.nspname = 'audit'
    union
    select a.grantee from pg_namespace as n, aclexplode(n.nspacl) as a where n.nspname = 'audit'
  ),
  members as (
    select r.role, array_agg(l.rolname::text order by l.rolname) as logins
    from roles as r
    join pg_roles as l on l.rolcanlogin and not l.rolsuper and l.oid <> r.role
      and r.role <> 0 and pg_has_role(l.oid, r.role, 'member')
    group by r.role
  ),
  superusers as (
    select array_agg(l.rolname::text order by l.rolname) as logins
    from pg_roles as l where l.rolsuper and l.rolcanlogin
  ),
  owners as (
    select o.owner, count(*) as objects from (
      select c.relowner as owner from pg_class as c
      where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      union all
      select p.proowner from pg_proc as p where p.pronamespace = 'audit'::regnamespace
    ) as o group by o.owner
  ),
  guarded as (
    select c.oid, c.relname::text as name from pg_class as c
    where c.oid = 'audit.audit_log'::regclass
    union all
    select c.oid, c.relname::text from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'audit.audit_log'::regclass
  ),
  unguarded as (
    select array_agg(g.name order by g.name) as names from guarded as g
    where (
      select count(*) from pg_trigger as t
      where t.tgrelid = g.oid and t.tgenabled = 'A'
        and t.tgname in ('audit_log_append_only', 'audit_log_row_append_only')
    ) < 2
  ),
  off as (
    select array_agg(format('%s on %s', t.tgname, t.tgrelid::regclass) order by t.tgrelid, t.tgname) as names
    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
    where c.relnamespace = 'audit'::regnamespace and not t.tgisinternal and t.tgenabled <> 'A'
  )
  select jsonb_build_object(
    'roles', (
      select jsonb_object_agg(
        case r.role when 0 then 'PUBLIC' else pg_get_userbyid(r.role)::text end,
        jsonb_build_object('count', coalesce(cardinality(m.logins), 0),
          'logins', to_jsonb(coalesce(m.logins[:100], '{}'))))
      from roles as r left join members as m on m.role = r.role
    ),
    'superusers', (
      select jsonb_build_object('count', coalesce(cardinality(s.logins), 0),
        'logins', to_jsonb(coalesce(s.logins[:100], '{}')))
      from superusers as s
    ),
    'owners', (select jsonb_object_agg(pg_get_userbyid(o.owner), o.objects) from owners as o),
    'guards', (
      select jsonb_build_object('tables', (select count(*) from guarded),
        'unguarded', to_jsonb(coalesce(u.names[:100], '{}')), 'off', to_jsonb(coalesce(f.names[:100], '{}')))
      from unguarded as u, off as f
    )
  )
$$;
