-- Puts rows of an import into its lane, and returns the lane's epoch and which rows it refused, as
-- place_imported() lists them. Slices and "odd" ones are those of stage(), and so is the way that a
-- row goes: one statement takes the rows that are fit as they are, and each other one is looked at.
CREATE OR REPLACE FUNCTION "audit"."stage_import"(
  "name" text, "slices" text[], "odd" text[], OUT "epoch" uuid, OUT "refused" jsonb
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
declare
  recorder uuid := (
    select r.recorder_id from audit.audit_import_run as r where r.name = stage_import.name
  );
  oldest uuid := audit.oldest_import();
  latest uuid := audit.latest_id();
  writer text := session_user;
  ids_are_text boolean := pg_typeof(
    (select i.user_id from audit.audit_import as i where false)) = 'text'::regtype;
  others json;
begin
  if recorder is null then
    raise exception 'there is no such import' using errcode = 'no_data_found';
  end if;
  epoch := audit.import_epoch();
  refused := '[]';
  if ids_are_text then
    slices := slices || odd;
  end if;
  begin
    if ids_are_text then
      insert into audit.audit_import (
        recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
        action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
      )
      select
        recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
        r.action, r.entity_type, r.request_id, r.metadata, r.context,
        r.outcome, r.actor_id, r.actor_kind
      from (
        select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
        from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
        offset 0
      ) as s
      cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest, true) as r
      where case when r.fits then true else audit.mark_unfit() end;
    else
      insert into audit.audit_import (
        recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
        action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
      )
      select
        recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id::uuid, r.event_id::uuid,
        r.target_id::uuid, r.action, r.entity_type, r.request_id, r.metadata, r.context,
        r.outcome, r.actor_id::uuid, r.actor_kind
      from (
        select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
        from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
        offset 0
      ) as s
      cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest, false) as r
      where case when r.fits then true else audit.mark_unfit() end;
    end if;
    if current_setting('audit.unfit', true) = 'yes' then
      perform set_config('audit.unfit', '', true);
      select json_agg(e) into others
      from (
        select given, audit.is_plain(given, jsonb_array_length(given::jsonb)) as is_plain
        from unnest(slices) as given
        offset 0
      ) as s
      cross join lateral json_array_elements(s.given::json) as e
      cross join lateral audit.typed_rows(
        jsonb_build_array(e::jsonb), s.is_plain, oldest, latest, ids_are_text
      ) as r
      where r.fits is not true;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    -- Postgres has undone the insert.
    select json_agg(e) into others
    from unnest(slices) as slice cross join lateral json_array_elements(slice::json) as e;
  end;
  if others is not null then
    refused := refused || audit.place_imported(others, recorder, oldest, latest);
  end if;
  if not ids_are_text and cardinality(odd) > 0 then
    select json_agg(e) into others
    from unnest(odd) as slice cross join lateral json_array_elements(slice::json) as e;
    refused := refused || audit.place_imported(others, recorder, oldest, latest);
  end if;
end
$$;
