-- A legal hold in force that meets an entry, or null: every condition of it is met by one of
-- what is given for it. Ids are text. It is called for each entry that is about to go, by functions
-- that pin the search_path; setting it again would take longer than the look.
CREATE OR REPLACE FUNCTION "audit"."hold_on"(
  "users" text[], "events" text[], "targets" text[], "requests" text[], "times" timestamptz[]
) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
begin
  return (
    select h.id from audit.audit_hold as h
    where h.released_at is null
      and (h.user_id is null or h.user_id = any(users))
      and (h.event_id is null or h.event_id = any(events))
      and (h.target_id is null or h.target_id = any(targets))
      and (h.request_id is null or h.request_id = any(requests))
      and (
        num_nonnulls(h.from_at, h.to_at) = 0
        or tstzrange(h.from_at, h.to_at, '[)') @> any(times)
      )
    limit 1
  );
end
$$;
