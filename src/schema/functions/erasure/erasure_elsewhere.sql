-- Where else this database holds something about a user, apart from the log and the copies next to it:
-- how many names of the user are known, as one in each event; how many shared views the user saved, or name
-- the user;
-- the dead letters that name the user, by their numbers, at most 1,000; how many entries that wait in the lanes do; the
-- legal holds on the user, which keep their conditions when they are released; and the archived files
-- that hold numbers between two given ones. A reader's own words, such as the reason of a hold, are not
-- looked at.
CREATE OR REPLACE FUNCTION "audit"."erasure_elsewhere"(
  "user_id" text, "from_seq" bigint, "to_seq" bigint,
  OUT "labels" bigint, OUT "views" bigint, OUT "letters" bigint[], OUT "staged" bigint, OUT "holds" uuid[], OUT "archives" jsonb
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  given constant text := audit.hold_id(user_id, 'user');
  path constant jsonpath := audit.naming_path(given);
begin
  select count(*) into labels from audit.audit_label as k where k.subject = given;
  select count(*) into views from audit.audit_view as v where v.user_id = given or audit.view_names(v, given);
  letters := array(
    select d.number from audit.audit_dead_letter as d
    where strpos(lower(d.entry), lower(given)) > 0 or d.id = given
    order by d.number limit 1000);
  select count(*) into staged
  from (
    select s.user_id::text, s.actor_id::text, s.target_id::text, s.more_targets::text[], s.metadata, s.context
    from audit.audit_staging as s
    union all
    select o.user_id::text, o.actor_id::text, o.target_id::text, o.more_targets::text[], o.metadata, o.context
    from audit.audit_outbox as o
    union all
    select i.user_id::text, i.actor_id::text, i.target_id::text, i.more_targets::text[], i.metadata, i.context
    from audit.audit_import as i
  ) as l (user_id, actor_id, target_id, more_targets, metadata, context)
  where given in (l.user_id, l.actor_id, l.target_id) or given = any(l.more_targets)
    or jsonb_path_exists(l.metadata, path, '{}', true)
    or jsonb_path_exists(l.context, path, '{}', true);
  holds := array(
    select h.id from audit.audit_hold as h
    where given in (h.user_id, h.target_id) order by h.placed_at, h.id);
  archives := (
    select coalesce(jsonb_agg(jsonb_build_object('partition', a.partition, 'url', a.url)
      order by a.first_seq, a.number), '[]')
    from audit.audit_archive as a
    where a.stored_at is not null and a.first_seq <= to_seq and a.last_seq >= from_seq);
end
$$;
