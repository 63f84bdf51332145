-- The legal holds, oldest first: those in force, and with "released" also those that are not any more.
CREATE OR REPLACE FUNCTION "audit"."list_holds"(
  "released" boolean DEFAULT false, OUT "id" uuid, OUT "reason" text, OUT "user_id" text,
  OUT "event_id" text, OUT "target_id" text, OUT "request_id" text, OUT "from_at" text,
  OUT "to_at" text, OUT "placed_by" text, OUT "placed_at" text, OUT "released_by" text,
  OUT "released_at" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.id, h.reason, h.user_id, h.event_id, h.target_id, h.request_id,
    to_json(h.from_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(h.to_at at time zone 'UTC') #>> '{}' || 'Z',
    h.placed_by, to_json(h.placed_at at time zone 'UTC') #>> '{}' || 'Z',
    h.released_by, to_json(h.released_at at time zone 'UTC') #>> '{}' || 'Z'
  from audit.audit_hold as h
  where released or h.released_at is null
  order by h.placed_at, h.id
$$;
