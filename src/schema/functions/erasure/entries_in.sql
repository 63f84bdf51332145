-- The entries with these numbers in a place of the log: which of their fields hold something, and the
-- legal hold in force that one is under, if any. "condition" is that of audit.held_condition(). "entry" is
-- all of it.
CREATE OR REPLACE FUNCTION "audit"."entries_in"(
  "place" regclass, "seqs" bigint[], "condition" text,
  OUT "seq" bigint, OUT "id" uuid, OUT "action" text, OUT "present" text[], OUT "hold" uuid,
  OUT "entry" audit.audit_log
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  columns text;
begin
  -- By name: a partition that was attached by hand may have another order.
  select string_agg(format('r.%I', a.attname), ', ' order by a.attnum) into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  return query execute format($query$
    select r.seq, r.id, r.action, array_remove(array[
        case when r.user_id is not null then 'user_id' end,
        case when r.actor_id is not null then 'actor_id' end,
        case when r.target_id is not null then 'target_id' end,
        case when r.more_targets is not null then 'more_targets' end,
        case when r.request_id is not null then 'request_id' end,
        case when r.metadata <> '{}' then 'metadata' end,
        case when r.context <> '{}' then 'context' end
      ], null),
      case when %2$s then audit.hold_on(
        array[r.user_id::text, r.actor_id::text], array[r.event_id::text],
        r.target_id::text || r.more_targets::text[], array[r.request_id],
        array[r.occurred_at, audit.id_time(r.id)]) end,
      row(%3$s)::audit.audit_log
    from %1$s as r where r.seq = any($1)
    $query$, place, condition, columns)
  using seqs;
end
$$;
