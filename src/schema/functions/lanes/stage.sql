-- Puts a recorder's rows into the fast lane, and returns the lane's epoch and which kind of ids its
-- columns hold, 'uuid' or 'text'. Each slice is a JSON array of rows, a row an array of values in the
-- order of typed_rows(). Rows of which an id is no UUID stand in the slices "odd": text columns take
-- them as all others, and where the columns are uuid examine() looks at each of them. Only the holder
-- of the recorder's key may write in its name. A row that the lane can never take becomes a dead
-- letter. The function raises, and takes nothing, where a slice is no JSON array.
--
-- One statement takes the rows that are fit as they are. Only where it met another one, or a value
-- that the database cannot hold, examine() looks at each of those. Plans are kept, and do not depend
-- on the parameters: to plan the statement costs as much as to stage some forty rows.
CREATE OR REPLACE FUNCTION "audit"."stage"(
  "recorder" uuid, "key" text, "slices" text[], "odd" text[] DEFAULT '{}',
  OUT "epoch" uuid, OUT "ids" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  ids_are_text boolean;
  others json;
begin
  perform audit.claim_recorder(recorder, key);
  select l.oldest_id, pg_typeof((select s.user_id from audit.audit_staging as s where false))
  into oldest, ids
  from audit.audit_lane as l where l.lane = 'staging';
  ids_are_text := ids = 'text';
  if ids_are_text then
    slices := slices || odd;
  end if;
  begin
    if ids_are_text then
      insert into audit.audit_staging (
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
      insert into audit.audit_staging (
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
      -- By the same is_plain: an entry that it was decided about in another way would be lost or doubled.
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
    perform audit.place_entries('staging', others, recorder, oldest, latest, true, false);
  end if;
  if not ids_are_text and cardinality(odd) > 0 then
    select json_agg(e) into others
    from unnest(odd) as slice cross join lateral json_array_elements(slice::json) as e;
    perform audit.place_entries('staging', others, recorder, oldest, latest, true, false);
  end if;
  epoch := (select s.epoch from audit.audit_sentinel as s);
end
$$;
