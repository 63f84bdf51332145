-- Saves a view that all share who see one event, or with an empty "event" every event. Leaves an entry
-- "audit.view_save", in the same transaction. A view of the same name is replaced where the same person
-- saved it. Otherwise nothing changes, and "problem" says why: "taken", with the name of who saved the other
-- one, or "full", where there are 100 views of the event.
--
-- "user_id" may be any text, as in audit.note_read(). Two who have none are one person if they have one name.
-- The reader says who saves, as it says who reads.
CREATE OR REPLACE FUNCTION "audit"."save_view"(
  "event" text, "name" text, "asked" jsonb, "seen_by" text, "user_id" text, "made_by" text, "context" jsonb,
  OUT "problem" text, OUT "taken_by" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  most constant integer := 100;
  made audit.audit_view;
  other audit.audit_view;
  seen record;
  is_same boolean;
begin
  made.event := event;
  made.name := btrim(name);
  made.asked := asked;
  made.seen_by := seen_by;
  made.made_by := btrim(made_by);
  if made.event is null or char_length(made.event) > 256 then
    raise exception 'a view is of an event, or of every event' using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(char_length(made.name), 0) not between 1 and 60
    or made.name collate "C" ~ '[\u0001-\u001f\u007f-\u009f]'
  then
    raise exception 'a view needs a name of 1 to 60 characters' using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(made.asked) is distinct from 'object' or octet_length(made.asked::text) > 8192
    or exists (select from jsonb_each(made.asked) as p where jsonb_typeof(p.value) <> 'string')
  then
    raise exception 'a view has texts by the names of parameters' using errcode = 'invalid_parameter_value';
  end if;
  seen := audit.examine_view(
    made_by, user_id,
    jsonb_build_object('view', made.name, 'asked', made.asked, 'event', nullif(made.event, '')),
    context);
  made.user_id := seen.user_id;
  -- Two at a time would both find room for the last view. Nobody who saves one keeps an erasure waiting.
  lock table audit.audit_view in share update exclusive mode;
  select * into other from audit.audit_view as v where v.event = made.event and v.name = made.name;
  if other.id is null
    and (select count(*) from audit.audit_view as v where v.event = made.event) >= most
  then
    problem := 'full';
    return;
  end if;
  if other.id is not null then
    is_same := case when other.user_id is null and made.user_id is null then other.made_by = made.made_by
      else other.user_id = made.user_id end;
    if is_same is not true then -- null where it was erased who saved it
      problem := 'taken';
      taken_by := other.made_by;
      return;
    end if;
    delete from audit.audit_view as v where v.id = other.id;
  end if;
  made.id := gen_random_uuid();
  made.made_at := clock_timestamp();
  made.entry := audit.put_ours('audit.view_save', made.user_id, seen.metadata, seen.context);
  insert into audit.audit_view select made.*;
end
$$;
