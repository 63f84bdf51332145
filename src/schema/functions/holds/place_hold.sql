-- Places a legal hold: what meets all of its conditions is not removed, by any policy, erasure or
-- dropped dead letter, until the hold is released. "user_id" also holds what the user did as the actor,
-- "target_id" what was done to it among others. A time is met by when an entry says that it happened and by
-- when it was recorded. Returns the hold's id and leaves an entry "audit.hold".
--
-- A session that removes entries locks the table in SHARE mode before looking, and this insert waits for it.
CREATE OR REPLACE FUNCTION "audit"."place_hold"(
  "reason" text, "user_id" text DEFAULT null, "event_id" text DEFAULT null,
  "target_id" text DEFAULT null, "request_id" text DEFAULT null,
  "from_at" timestamptz DEFAULT null, "to_at" timestamptz DEFAULT null
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
declare
  placed audit.audit_hold;
begin
  placed.reason := btrim(reason);
  if coalesce(char_length(placed.reason), 0) not between 1 and 1000 then
    raise exception 'a hold needs a reason of 1 to 1000 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  if num_nonnulls(user_id, event_id, target_id, request_id, from_at, to_at) = 0 then
    raise exception 'a hold needs a user, an event, a target, a request or a time'
      using errcode = 'invalid_parameter_value';
  end if;
  if from_at >= to_at then
    raise exception 'a hold''s time must end after it begins'
      using errcode = 'invalid_parameter_value';
  end if;
  if request_id = '' then
    raise exception 'an empty text cannot be the request of an entry'
      using errcode = 'invalid_parameter_value';
  end if;
  placed.id := gen_random_uuid();
  placed.user_id := audit.hold_id(user_id, 'user');
  placed.event_id := audit.hold_id(event_id, 'event');
  placed.target_id := audit.hold_id(target_id, 'target');
  placed.request_id := left(request_id, audit.bound('text_characters')::integer);
  placed.from_at := from_at;
  placed.to_at := to_at;
  placed.placed_by := session_user;
  placed.placed_at := clock_timestamp();
  insert into audit.audit_hold select placed.*;
  perform audit.put_ours(
    'audit.hold', null,
    jsonb_strip_nulls(jsonb_build_object(
      'hold', placed.id, 'reason', placed.reason, 'userId', placed.user_id,
      'eventId', placed.event_id, 'targetId', placed.target_id, 'requestId', placed.request_id,
      'from', placed.from_at, 'to', placed.to_at
    )),
    jsonb_build_object('databaseLogin', session_user)
  );
  return placed.id;
end
$$;
