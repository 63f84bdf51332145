-- Erases again what was erased after this copy of the database was made: "erasures" is a list of
-- {id, fields}, as the eraser keeps it outside of the database. Entries are found by their ids, because
-- this copy may have given other numbers to them. What waits in a lane is emptied there.
--
-- It belongs into the transaction of audit.declare_restored(): that keeps every relay from moving what
-- waits in the lanes, and the lock of the checkpoints keeps every sealer from sealing what it has read
-- before. Returns how many entries were erased and how many were emptied in a lane, the numbers of those
-- that a legal hold of this copy is about, which stay, and how many entries this copy does not have.
CREATE OR REPLACE FUNCTION "audit"."erase_again"(
  "erasures" json, "reason" text,
  OUT "erased" bigint, OUT "staged" bigint, OUT "held" bigint[], OUT "absent" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
declare
  at_once constant integer := 5000;
  ids uuid[];
  found_seqs bigint[] := '{}';
  found_ids uuid[] := '{}';
  staged_ids uuid[] := '{}';
  here record;
  part record;
  place text;
begin
  lock table audit.audit_checkpoint in share mode;
  erased := 0;
  staged := 0;
  held := '{}';
  select array_agg(e.id) into ids from json_to_recordset(erasures) as e (id uuid);
  for place in select p.place::text from audit.log_places() as p loop
    execute format('select array_agg(r.seq) as seqs, array_agg(r.id) as ids from %s as r where r.id = any($1)',
      place) into here using ids;
    found_seqs := found_seqs || here.seqs;
    found_ids := found_ids || here.ids;
  end loop;

  for part in
    with asked as (
      select e.id, array(
        select f from unnest(audit.erasure_fields()) with ordinality as w (f, n)
        where f = any(array(select json_array_elements_text(e.fields))) order by n) as fields
      from json_to_recordset(erasures) as e (id uuid, fields json)
    ),
    found as (
      select distinct f.seq, a.fields
      from unnest(found_seqs, found_ids) as f (seq, id) join asked as a on a.id = f.id
    ),
    placed as (
      select f.*, (row_number() over (partition by f.fields order by f.seq) - 1) / at_once as part
      from found as f
    )
    select p.fields, array_agg(p.seq order by p.seq) as seqs
    from placed as p where cardinality(p.fields) > 0 group by p.fields, p.part
  loop
    held := held || array(select f.seq from audit.find_entries(part.seqs) as f where f.hold is not null);
    part.seqs := array(select unnest(part.seqs) except select unnest(held) order by 1);
    if cardinality(part.seqs) > 0 then
      erased := erased + (
        select count(*) from audit.erase_entries(part.seqs, part.fields, reason, true));
    end if;
  end loop;

  foreach place in array array['audit.audit_staging', 'audit.audit_outbox', 'audit.audit_import'] loop
    execute format($query$
      with emptied as (
        update %s as l set
          user_id = case when 'user_id' = any(e.fields) then null else l.user_id end,
          actor_id = case when 'actor_id' = any(e.fields) then null else l.actor_id end,
          target_id = case when 'target_id' = any(e.fields) then null else l.target_id end,
          more_targets = case when 'more_targets' = any(e.fields) then null else l.more_targets end,
          request_id = case when 'request_id' = any(e.fields) then null else l.request_id end,
          metadata = case when 'metadata' = any(e.fields) then '{}' else l.metadata end,
          context = case when 'context' = any(e.fields) then '{}' else l.context end
        from (
          select r.id, array(select json_array_elements_text(r.fields)) as fields
          from json_to_recordset($1) as r (id uuid, fields json)
        ) as e
        where e.id = l.id and l.id <> all($2)
        returning l.id
      )
      select array_agg(m.id) as ids from emptied as m
      $query$, place) into here using erasures, found_ids;
    staged_ids := staged_ids || here.ids;
  end loop;
  staged := cardinality(staged_ids);
  if staged > 0 then
    perform audit.forget_makers(staged_ids);
    perform audit.put_ours(
      'audit.erase', null,
      jsonb_build_object('entries', staged, 'ids', to_jsonb(staged_ids[:1000]), 'reason', reason),
      jsonb_build_object('databaseLogin', session_user)
    );
  end if;
  select count(*) into absent
  from (select unnest(ids) except select unnest(found_ids) except select unnest(staged_ids)) as a;
end
$$;
