-- The first step of retention, which changes nothing: what would happen to a partition. No row where
-- there is nothing to say: of DEFAULT, where nothing is due.
--
-- actions: each action with its rows, its policy, and whether it is due. due: rows whose policy is over.
-- held: those of them that a hold keeps. goes: what would be removed. cursors: readers with a name that
-- have not read up to the last row of those; "waits" says whether retention waits for them.
CREATE OR REPLACE FUNCTION "audit"."plan_retention"(
  "log_table" text, "ignored" text[] DEFAULT '{}',
  OUT "partition" text, OUT "from_at" timestamptz, OUT "to_at" timestamptz,
  OUT "rows" bigint, OUT "bytes" bigint, OUT "due" bigint, OUT "held" bigint, OUT "goes" bigint,
  OUT "actions" jsonb, OUT "cursors" jsonb
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  bounds constant record := audit.log_partition(log_table);
  condition constant text := audit.due_condition(log_table);
  is_held constant text := audit.held_condition();
  last_seq bigint;
begin
  partition := log_table;
  from_at := audit.id_time(bounds.from_id);
  to_at := audit.id_time(bounds.to_id);
  execute format($plan$
    select coalesce(sum(a.rows), 0), coalesce(sum(a.due), 0), coalesce(sum(a.held), 0),
      max(a.last_seq) filter (where a.due > a.held),
      coalesce(jsonb_agg(jsonb_build_object(
        'action', a.action, 'rows', a.rows, 'keep', audit.keep_for(a.action)::text,
        'keepDays', extract(epoch from audit.keep_for(a.action)) / 86400,
        'policy', (
          select p.actions from unnest(audit.patterns_of(a.action)) with ordinality as o (actions, place)
          join audit.policies_in_force() as p on p.actions = o.actions
          order by o.place limit 1
        ),
        'due', a.due, 'held', a.held) order by a.action), '[]')
    from (
      select r.action, count(*) as rows, count(*) filter (where %2$s) as due,
        count(*) filter (where %2$s and %3$s) as held, max(r.seq) as last_seq
      from audit.%1$I as r
      group by r.action
    ) as a
    $plan$, partition, '(' || coalesce(condition, 'false') || ')', is_held)
  into rows, due, held, last_seq, actions;
  if due = 0 and to_at is null then
    return;
  end if;
  goes := due - held;
  bytes := pg_total_relation_size(format('audit.%I', partition)::regclass);
  select coalesce(jsonb_agg(jsonb_build_object(
    'name', c.name, 'seq', c.seq, 'seenAt', c.seen_at, 'waits', c.is_waited_for)), '[]')
  into cursors
  from audit.lagging_cursors(last_seq, ignored) as c;
  return next;
end
$$;
