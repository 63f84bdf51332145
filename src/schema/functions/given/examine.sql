-- Looks closely at one entry, given as a JSON object, for a lane that takes ids from "oldest" to before
-- "latest". What is too much is cut, what is no id for the lanes' columns goes to context.invalid, and
-- context.degraded says
-- what was changed. "refusal" is the SQLSTATE where the entry cannot be taken at all, "reason" says
-- why in words that quote nothing of it. It never raises for what an entry holds and writes nothing,
-- so its subtransactions take no transaction id.
--
-- "redacted": the library has made the entry, with the columns' names, times that can be read and
-- without secrets. Otherwise read_names() sorts its keys, read_time() reads its time, and values whose
-- key names a secret are censored. Now is stored in place of a time that cannot be read:
-- "time_refusal" and "time_fault" are the SQLSTATE and the reason for a caller that does not want that.
CREATE OR REPLACE FUNCTION "audit"."examine"(
  "given" json, "bytes" integer, "oldest" uuid, "latest" uuid, "redacted" boolean,
  OUT "refusal" text, OUT "reason" text, OUT "given_id" text, OUT "entry" "audit"."audit_outbox",
  OUT "time_refusal" text, OUT "time_fault" text
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  max_text constant integer := audit.bound('text_characters');
  max_levels constant integer := audit.bound('levels');
  is_container constant jsonpath := format(
    'strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', max_levels);
  ids_are_text constant boolean :=
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype;
  fields jsonb;
  seen record;
  hidden text[] := '{}';
  invalid jsonb := '{}';
  marks text[] := '{}';
  is_long boolean;
  printed bigint;
begin
  if bytes > audit.bound('entry_bytes') then
    refusal := '54000';
    reason := format('the entry has %s bytes of text, at most %s are taken', bytes,
      audit.bound('entry_bytes'));
    return;
  end if;
  if json_typeof(given) is distinct from 'object' then
    refusal := '22023';
    reason := 'not an entry: it is no JSON object';
    return;
  end if;
  begin
    given_id := left(given ->> 'id', max_text);
    fields := given::jsonb;
    if not redacted then
      seen := audit.read_names(fields);
      fields := seen.fields;
      marks := seen.marks;
    end if;
    entry.metadata := audit.object_of(fields -> 'metadata');
    entry.context := audit.object_of(fields -> 'context');
    if redacted then
      entry.occurred_at := coalesce((fields ->> 'occurred_at')::timestamptz, clock_timestamp());
      entry.recorder_seq := (fields ->> 'recorder_seq')::bigint;
    else
      seen := audit.read_time(fields -> 'occurred_at');
      entry.occurred_at := coalesce(seen.at, clock_timestamp());
      invalid := jsonb_strip_nulls(jsonb_build_object('occurredAt', seen.kept));
      marks := marks || seen.marks;
      time_refusal := seen.refusal;
      time_fault := seen.fault;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    refusal := sqlstate;
    reason := 'the database cannot hold a value of the entry';
    return;
  end;

  if coalesce(fields ->> 'action', '') = '' then
    refusal := '23502';
    reason := 'no action';
    return;
  end if;
  if audit.is_reserved(fields ->> 'action') then
    refusal := '42501';
    reason := 'actions of the entity "audit" are the product''s own: use another entity name';
    return;
  end if;
  if entry.occurred_at < '0001-01-01 00:00:00+00' or entry.occurred_at >= '10000-01-01 00:00:00+00'
  then
    refusal := '22008';
    reason := 'occurred_at is not between the years 1 and 9999';
    return;
  end if;

  -- By its size first: Postgres can hold a number of 131,072 digits in some bytes, and printing
  -- thousands of those would take minutes.
  select coalesce(bool_or(abs(n) >= 1e1000 or scale(n) > 1000), false) into is_long
  from audit.numbers_in(entry.metadata, entry.context) as n;
  if not is_long then
    select coalesce(bool_or(length(translate(n::text, '-.', '')) > 1000), false),
      coalesce(sum(length(n::text)), 0)
    into is_long, printed
    from audit.numbers_in(entry.metadata, entry.context) as n;
  end if;
  if is_long then
    refusal := '22003';
    reason := format('a number has more than %s digits', audit.bound('number_digits'));
    return;
  end if;
  if printed > audit.bound('entry_bytes') then
    refusal := '54000';
    reason := format('the numbers of the entry written out have %s digits, at most %s are taken',
      printed, audit.bound('entry_bytes'));
    return;
  end if;

  entry.id := audit.uuid_or_null(given ->> 'id');
  if entry.id is null or not audit.is_uuid7(entry.id) then
    entry.id := audit.new_id();
    seen := audit.kept_text('id', nullif(given ->> 'id', ''));
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
  elsif entry.id >= latest then
    refusal := '22008';
    reason := 'the id''s time is more than a day ahead of the database''s clock: '
      || 'set the clock of the machine that made it, or retry once that time has come';
    return;
  elsif entry.id < oldest then
    refusal := '22008';
    reason := case when entry.id < audit.retention_line()
      then 'the id''s time is below the retention line: a policy has removed entries of that time'
      else 'the id''s time is before the first partition of the log' end;
    return;
  end if;

  if jsonb_path_exists(entry.metadata, is_container) then
    entry.metadata := audit.cut_deep(entry.metadata, max_levels);
    marks := marks || 'metadata.depth'::text;
  end if;
  if jsonb_path_exists(entry.context, is_container) then
    entry.context := audit.cut_deep(entry.context, max_levels);
    marks := marks || 'context.depth'::text;
  end if;
  if not redacted and audit.holds_secret(jsonb_build_array(entry.metadata, entry.context)) then
    seen := audit.censor(entry.metadata, 'metadata', null);
    entry.metadata := seen.clean;
    hidden := seen.paths;
    seen := audit.censor(entry.context, 'context', null);
    entry.context := seen.clean;
    hidden := hidden || seen.paths;
  end if;

  -- SELECT INTO asks for the column's type each time. The kept plan of an assignment would go on
  -- casting to the type that the column had when this session began.
  seen := audit.read_id(audit.given_id(given, 'user_id', 'userId'), 'userId', ids_are_text);
  select seen.id into entry.user_id;
  hidden := hidden || seen.paths;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  seen := audit.read_id(audit.given_id(given, 'event_id', 'eventId'), 'eventId', ids_are_text);
  select seen.id into entry.event_id;
  hidden := hidden || seen.paths;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  seen := audit.read_id(audit.given_id(given, 'target_id', 'targetId'), 'targetId', ids_are_text);
  select seen.id into entry.target_id;
  hidden := hidden || seen.paths;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  if fields ?| array['outcome', 'actor_id', 'actor_kind', 'more_targets'] then
    seen := audit.read_id(audit.given_id(given, 'actor_id', 'actorId'), 'actorId', ids_are_text);
    select seen.id into entry.actor_id;
    hidden := hidden || seen.paths;
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
    seen := audit.read_ids(
      audit.given_id(given, 'more_targets', 'moreTargets'), 'moreTargets', ids_are_text);
    select seen.ids into entry.more_targets;
    hidden := hidden || seen.paths;
    -- The library has kept there what is no id for any column.
    invalid := invalid || case
      when seen.invalid <> '{}'
        and jsonb_typeof(entry.context #> '{invalid,moreTargets}') = 'array'
      then jsonb_build_object('moreTargets',
        (entry.context #> '{invalid,moreTargets}') || (seen.invalid -> 'moreTargets'))
      else seen.invalid end;
    marks := marks || seen.marks;
    seen := audit.read_word(
      fields -> 'outcome', 'outcome', array['denied', 'failed', 'attempted']);
    entry.outcome := seen.word;
    hidden := hidden || seen.paths;
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
    seen := audit.read_word(
      fields -> 'actor_kind', 'actorKind', array['api_key', 'service', 'system', 'agent']);
    entry.actor_kind := seen.word;
    hidden := hidden || seen.paths;
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
  end if;

  entry.action := left(fields ->> 'action', audit.bound('action_characters')::integer);
  entry.entity_type := left(nullif(fields ->> 'entity_type', ''), max_text);
  entry.request_id := left(nullif(fields ->> 'request_id', ''), max_text);
  if entry.action <> fields ->> 'action' then
    marks := marks || 'action.truncated'::text;
  end if;
  if entry.entity_type <> fields ->> 'entity_type' then
    marks := marks || 'entityType.truncated'::text;
  end if;
  if entry.request_id <> fields ->> 'request_id' then
    marks := marks || 'requestId.truncated'::text;
  end if;

  if invalid <> '{}' then
    entry.context := entry.context || jsonb_build_object('invalid', case
      when jsonb_typeof(entry.context -> 'invalid') = 'object' then entry.context -> 'invalid'
      else '{}'
    end || invalid);
  end if;
  entry.context := audit.with_notes(entry.context, 'degraded', marks);
  entry.context := audit.with_notes(entry.context, 'redacted', hidden);
  entry.written_by := session_user;
  entry.ours := false;
end
$$;
