-- Puts an array of entries, or one, into the outbox lane and returns how many it took. It raises
-- where the text is no JSON of entries or a time is none. An entry that the lane can never take
-- becomes a dead letter, or raises where "raises" is true. record() and record_in() share it.
--
-- One statement takes the entries that are fit as they are. Only where it met another one, or the
-- text is longer than one entry may be, examine() looks at each of those. It looks at all of them
-- where a key names a secret or is no column's, unless the library has "redacted" the entries, and
-- where an id for a text column is no string.
CREATE OR REPLACE FUNCTION "audit"."put_entries"(
  "entries" text, "redacted" boolean, "raises" boolean
) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  ids_are_text boolean;
  given jsonb;
  is_plain boolean;
  others json;
  taken integer := 0;
begin
  select l.oldest_id,
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype
  into oldest, ids_are_text
  from audit.audit_lane as l where l.lane = 'outbox';
  if octet_length(entries) > audit.bound('entry_bytes') then
    return audit.place_entries(
      'outbox', audit.array_of(entries), null, oldest, latest, redacted, raises);
  end if;
  given := entries::jsonb;
  if jsonb_typeof(given) = 'object' then
    given := jsonb_build_array(given);
  end if;
  if ids_are_text and audit.has_odd_ids(given)
    or not redacted and (
      audit.has_other_names(given)
      or (audit.may_hold_secret(entries) and audit.holds_secret(given))
    )
  then
    return audit.place_entries(
      'outbox', audit.array_of(entries), null, oldest, latest, redacted, raises);
  end if;
  is_plain := audit.is_plain(entries, jsonb_array_length(given));
  if ids_are_text then
    insert into audit.audit_outbox (
      written_by, id, occurred_at, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
    )
    select
      writer, e.id, e.occurred_at, e.user_id, e.event_id, e.target_id,
      e.action, e.entity_type, e.request_id, e.metadata, e.context,
      e.outcome, e.actor_id, e.actor_kind
    from audit.typed_entries(given, redacted, is_plain, oldest, latest, true) as e
    where case when e.fits then true else audit.mark_unfit() end;
    get diagnostics taken = row_count;
  else
    insert into audit.audit_outbox (
      written_by, id, occurred_at, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
    )
    select
      writer, e.id, e.occurred_at, e.user_id::uuid, e.event_id::uuid, e.target_id::uuid,
      e.action, e.entity_type, e.request_id, e.metadata, e.context,
      e.outcome, e.actor_id::uuid, e.actor_kind
    from audit.typed_entries(given, redacted, is_plain, oldest, latest, false) as e
    where case when e.fits then true else audit.mark_unfit() end;
    get diagnostics taken = row_count;
  end if;
  if current_setting('audit.unfit', true) = 'yes' then
    perform set_config('audit.unfit', '', true);
    -- By the same is_plain: an entry that it was decided about in another way would be lost or doubled.
    select json_agg(g order by n) into others
    from json_array_elements(audit.array_of(entries)) with ordinality as t (g, n)
    cross join lateral audit.typed_entries(
      jsonb_build_array(g::jsonb), redacted, is_plain, oldest, latest, ids_are_text
    ) as e
    where e.fits is not true;
    taken := taken + audit.place_entries(
      'outbox', others, null, oldest, latest, redacted, raises);
  end if;
  return taken;
end
$$;
