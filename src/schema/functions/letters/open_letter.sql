-- One dead letter with what it says, as text. No row where there is no such letter.
CREATE OR REPLACE FUNCTION "audit"."open_letter"(
  "letter" bigint, OUT "number" bigint, OUT "died_at" text, OUT "lane" text,
  OUT "sqlstate" text, OUT "reason" text, OUT "id" text, OUT "recorder_id" uuid,
  OUT "recorder_seq" bigint, OUT "entry_bytes" integer, OUT "entry" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    d.number, to_json(d.died_at at time zone 'UTC') #>> '{}' || 'Z', d.lane, d.sqlstate, d.reason, left(d.id, 128), d.recorder_id,
    d.recorder_seq, coalesce(octet_length(d.entry), 0), d.entry
  from audit.audit_dead_letter as d where d.number = letter
$$;
