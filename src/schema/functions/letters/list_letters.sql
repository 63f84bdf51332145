-- The newest dead letters, newest first, at most max_letters: why the log refused each, and how long
-- its entry is. What it says is left out, because that is personal and can be long.
CREATE OR REPLACE FUNCTION "audit"."list_letters"(
  "max_letters" integer, OUT "number" bigint, OUT "died_at" text, OUT "lane" text,
  OUT "sqlstate" text, OUT "reason" text, OUT "id" text, OUT "recorder_id" uuid,
  OUT "recorder_seq" bigint, OUT "entry_bytes" integer
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    d.number, to_json(d.died_at at time zone 'UTC') #>> '{}' || 'Z', d.lane, d.sqlstate, d.reason, left(d.id, 128), d.recorder_id,
    d.recorder_seq, coalesce(octet_length(d.entry), 0)
  from audit.audit_dead_letter as d order by d.number desc limit max_letters
$$;
