-- The entries in a place of the log that name a user and that an erasure of this user does not touch:
-- their metadata or their context holds the user's id, and they are neither what the user did nor what
-- was done to the user. Before an erasure, and after it, they are the same ones. At most so many entries
-- are looked at, in the order of their ids behind the given one; "last" is the last of these, null at
-- the end. "fields" says where the id stands.
CREATE OR REPLACE FUNCTION "audit"."find_naming"(
  "log_place" text, "user_id" text, "after" uuid, "max_rows" integer,
  OUT "last" uuid, OUT "looked" bigint, OUT "entries" jsonb
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  place constant regclass := audit.place_of(log_place);
  given constant text := audit.hold_id(user_id, 'user');
begin
  execute format($query$
    with looked as materialized (
      select r.* from %1$s as r where r.id > $3 order by r.id limit $4
    ),
    found as (
      select r.seq, r.action, array_remove(array[
          case when audit.holds_id(r.metadata, $5, $2) then 'metadata' end,
          case when audit.holds_id(r.context, $5, $2) then 'context' end
        ], null) as fields
      from looked as r
      where not audit.is_erasable(r.action) or not coalesce(
        r.user_id::text = $1 or r.actor_id::text = $1 or r.target_id::text = $1
        or $1 = any(r.more_targets::text[]), false)
    )
    select (select (array_agg(l.id order by l.id desc))[1] from looked as l having count(*) = $4),
      (select count(*) from looked),
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'seq', f.seq, 'action', f.action, 'fields', f.fields) order by f.seq), '[]')
        from found as f where cardinality(f.fields) > 0
      )
    $query$, place)
  into last, looked, entries
  -- The last one is the id as a document prints it, without the quotes around it.
  using given, audit.naming_path(given), after, max_rows,
    substr(to_json(given)::text, 2, length(to_json(given)::text) - 2);
end
$$;
