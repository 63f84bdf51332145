-- The entries of a user in a place of the log that an erasure of that user empties, in the order of
-- their ids: at most so many behind the given one. "fields" are the ones to erase: all of what the user
-- did or what was done for the user, and of what was done to the user whatever may name the user.
-- "hold" is a legal hold in force that forbids it.
CREATE OR REPLACE FUNCTION "audit"."find_of_user"(
  "log_place" text, "user_id" text, "after" uuid, "max_rows" integer,
  OUT "seq" bigint, OUT "id" uuid, OUT "fields" text[], OUT "hold" uuid
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  of_target constant text[] := array['target_id', 'more_targets', 'metadata', 'context'];
  place constant regclass := audit.place_of(log_place);
  id_type text;
begin
  select format_type(a.atttypid, null) into id_type
  from pg_attribute as a where a.attrelid = place and a.attname = 'user_id';
  return query execute format($query$
    with found as (
      (select r.seq, r.id, true as is_own from %1$s as r
        where r.user_id = $1::%2$s and r.id > $2 and audit.is_erasable(r.action) order by r.id limit $3)
      union all
      (select r.seq, r.id, true from %1$s as r
        where r.actor_id = $1::%2$s and r.id > $2 and audit.is_erasable(r.action) order by r.id limit $3)
      union all
      (select r.seq, r.id, false from %1$s as r
        where r.target_id = $1::%2$s and r.id > $2 and audit.is_erasable(r.action) order by r.id limit $3)
      union all
      (select r.seq, r.id, false from %1$s as r
        where r.more_targets @> array[$1::%2$s] and r.id > $2 and audit.is_erasable(r.action)
        order by r.id limit $3)
    ),
    entry as (
      select f.seq, f.id, bool_or(f.is_own) as is_own from found as f
      group by f.seq, f.id order by f.id limit $3
    )
    select e.seq, e.id, case when e.is_own then $4 else $5 end,
      case when %3$s then audit.hold_on(
        array[r.user_id::text, r.actor_id::text], array[r.event_id::text],
        r.target_id::text || r.more_targets::text[], array[r.request_id],
        array[r.occurred_at, audit.id_time(r.id)]) end
    from entry as e join %1$s as r on r.id = e.id
    order by e.id
    $query$, place, id_type, audit.held_condition())
  using audit.hold_id(user_id, 'user'), after, max_rows, audit.erasure_fields(), of_target;
end
$$;
