-- The views that those share who see one event, or with an empty "event" every event. By their names.
CREATE OR REPLACE FUNCTION "audit"."list_views"(
  "event" text, OUT "id" uuid, OUT "name" text, OUT "asked" jsonb, OUT "seen_by" text,
  OUT "user_id" text, OUT "made_by" text, OUT "made_at" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select v.id, v.name, v.asked, v.seen_by, v.user_id, v.made_by,
    to_json(v.made_at at time zone 'UTC') #>> '{}' || 'Z'
  from audit.audit_view as v
  where v.event = list_views.event
  order by lower(v.name), v.name
$$;
