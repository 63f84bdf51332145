-- Does what audit.erase() says. With "may_be_unsealed" it also erases what is not sealed yet, for a caller
-- that keeps every sealer from sealing meanwhile: such an entry is sealed as it is then, with its salt.
CREATE OR REPLACE FUNCTION "audit"."erase_entries"(
  "seqs" bigint[], "fields" text[], "reason" text, "may_be_unsealed" boolean,
  OUT "seq" bigint, OUT "id" uuid, OUT "erased" text[]
) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  most constant integer := 10000;
  said constant text := btrim(reason);
  wanted constant text[] := array(
    select f from unnest(audit.erasure_fields()) with ordinality as f (f, n)
    where f = any(fields) order by n);
  condition text;
  is_sealed boolean;
  sealed_through bigint;
  known audit.audit_erasure;
  gone text[];
  at_place record;
  one record;
  found_seqs bigint[] := '{}';
  changed_seqs bigint[] := '{}';
  changed_ids uuid[] := '{}';
  missing bigint;
  ids uuid[];
begin
  if coalesce(cardinality(seqs), 0) not between 1 and most or array_position(seqs, null) is not null then
    raise exception 'audit.erase takes 1 to % numbers of entries', most
      using errcode = 'invalid_parameter_value';
  end if;
  if cardinality(wanted) = 0 or not fields <@ wanted then
    raise exception 'audit.erase knows the fields %', array_to_string(audit.erasure_fields(), ', ')
      using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(char_length(said), 0) not between 1 and 1000 then
    raise exception 'an erasure needs a reason of 1 to 1000 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  perform audit.begin_retention();
  perform 1 from audit.audit_turn as t where t.turn = -1 for no key update;
  lock table audit.audit_hold in share mode;
  lock table audit.audit_origin in share mode;
  is_sealed := exists (select from audit.audit_origin);
  sealed_through := audit.sealed_through();
  condition := audit.held_condition();
  for at_place in
    select p.place from audit.log_places() as p
    where coalesce(p.max_seq >= (select min(s) from unnest(seqs) as s), true)
      and coalesce(p.min_seq <= (select max(s) from unnest(seqs) as s), true)
    order by p.kind <> 'partition', p.place::text
  loop
    ids := '{}';
    for one in select f.* from audit.entries_in(at_place.place, seqs, condition) as f loop
      if not audit.is_erasable(one.action) then
        raise exception 'entry % is one of the log''s own (%) and is not erased', one.seq, one.action
          using errcode = 'invalid_parameter_value', schema = 'audit', table = 'audit_log',
            column = 'action';
      end if;
      if one.hold is not null then
        raise exception 'entry % is held by the legal hold %', one.seq, one.hold
          using errcode = 'object_in_use', schema = 'audit', table = 'audit_hold',
            constraint = one.hold::text;
      end if;
      if is_sealed and one.seq > sealed_through and not may_be_unsealed then
        raise exception 'entry % is not sealed yet', one.seq
          using errcode = 'object_not_in_prerequisite_state', schema = 'audit',
            table = 'audit_checkpoint';
      end if;
      found_seqs := found_seqs || one.seq;
      continue when not one.present && wanted;
      ids := ids || one.id;
      select e.* into known from audit.audit_erasure as e where e.seq = one.seq;
      gone := array(
        select f from unnest(audit.erasure_fields()) with ordinality as w (f, n)
        where f = any(known.fields) or f = any(wanted) and f = any(one.present) order by n);
      insert into audit.audit_erasure as e (seq, id, fields, opening)
      values (one.seq, one.id, gone,
        case when one.seq <= sealed_through then audit.opened(one.entry, known.opening, gone) end)
      on conflict on constraint audit_erasure_pkey do update
      set fields = excluded.fields, opening = coalesce(excluded.opening, e.opening),
        erased_by = session_user, erased_at = clock_timestamp(), scrubbed_at = null;
      changed_seqs := changed_seqs || one.seq;
      changed_ids := changed_ids || one.id;
    end loop;
    if cardinality(ids) > 0 then
      perform audit.blank_entries(at_place.place, ids);
    end if;
  end loop;
  select min(s) into missing
  from (select unnest(seqs) except select unnest(found_seqs)) as t (s);
  if missing is not null then
    raise exception 'there is no entry %', missing
      using errcode = 'no_data_found', schema = 'audit', table = 'audit_log', column = 'seq';
  end if;
  if cardinality(changed_seqs) = 0 then
    return;
  end if;
  perform audit.changed_behind(
    (select range_agg(int8range(s, s, '[]')) from unnest(changed_seqs) as s));
  perform audit.forget_labels(changed_seqs);
  perform audit.forget_makers(changed_ids);
  if is_sealed then
    perform audit.forget_salts(
      (select range_agg(int8range(s, s, '[]')) from unnest(changed_seqs) as s where s <= sealed_through));
  end if;
  perform audit.put_ours(
    'audit.erase', null,
    jsonb_build_object(
      'seqs', audit.seq_runs(changed_seqs),
      'entries', (select count(distinct s) from unnest(changed_seqs) as s),
      'fields', to_jsonb(wanted),
      'reason', said
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return query
    select e.seq, e.id, e.fields from audit.audit_erasure as e
    where e.seq = any(changed_seqs) order by e.seq;
end
$$;
