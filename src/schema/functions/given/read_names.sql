-- The fields of an entry under the columns' names. The library's names are taken too: userId for
-- user_id. Where both are given and differ, the column's wins, and the other one is kept in the
-- context. So is everything else that was given, under its own name or, where that is taken, with
-- "entry." before it. "marks" says so.
CREATE OR REPLACE FUNCTION "audit"."read_names"(
  "given" jsonb, OUT "fields" jsonb, OUT "marks" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  columns constant text[] := array[
    'id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'action', 'entity_type', 'request_id',
    'metadata', 'context', 'outcome', 'actor_id', 'actor_kind', 'more_targets'
  ];
  notes constant text[] := array['degraded', 'redacted', 'invalid'];
  context jsonb := audit.object_of(given -> 'context');
  name text;
  value jsonb;
  own text;
  column_name text;
begin
  fields := given;
  marks := '{}';
  foreach name in array array['metadata', 'context'] loop
    if jsonb_typeof(given -> name) not in ('object', 'null') then
      marks := marks || (name || '.wrapped');
    end if;
  end loop;
  foreach name in array notes loop
    -- The product's own notes have these names. A value of another type is none of them.
    continue when not context ? name or jsonb_typeof(context -> name)
      = case name when 'invalid' then 'object' else 'array' end;
    marks := marks || 'context.reserved'::text;
    value := context -> name;
    context := audit.with_key(context - name, name, value);
  end loop;
  for name, value in select e.key, e.value from jsonb_each(given - columns) as e order by e.key loop
    fields := fields - name;
    column_name := case name
      when 'occurredAt' then 'occurred_at'
      when 'userId' then 'user_id'
      when 'eventId' then 'event_id'
      when 'targetId' then 'target_id'
      when 'entityType' then 'entity_type'
      when 'requestId' then 'request_id'
      when 'actorId' then 'actor_id'
      when 'actorKind' then 'actor_kind'
      when 'moreTargets' then 'more_targets'
    end;
    if column_name is null then
      marks := marks || 'entry.unknownKey'::text;
    elsif coalesce(given -> column_name, 'null') = 'null' then
      fields := fields || jsonb_build_object(column_name, value);
      continue;
    else
      continue when value = 'null' or value = given -> column_name;
      marks := marks || (name || '.twice');
    end if;
    context := audit.with_key(context, name, value);
  end loop;
  fields := fields || jsonb_build_object('context', context);
end
$$;
