-- Makes a dead letter of an entry that a lane does not take. Of a text that is longer than an entry
-- may be it keeps the first part, and the reason says how long the text was. A copy of an entry of which
-- something was erased makes none: it may be too old for its lane by now.
CREATE OR REPLACE FUNCTION "audit"."bury"(
  "lane" text, "origin" text, "sqlstate" text, "reason" text, "id" text,
  "recorder" uuid, "recorder_seq" bigint, "entry" text
) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  with copy as materialized (
    select from unnest(audit.drop_copies(array[audit.uuid_or_null(bury.id)]))
    where exists (select from audit.audit_erasure)
  )
  insert into audit.audit_dead_letter (
    lane, origin, sqlstate, reason, id, recorder_id, recorder_seq, entry
  )
  select
    bury.lane, bury.origin, bury.sqlstate,
    case when is_cut then format('%s (of the %s bytes the first %s characters are kept)',
      bury.reason, octet_length(bury.entry), audit.bound('letter_characters'))
      else bury.reason end,
    bury.id, bury.recorder, bury.recorder_seq,
    case when is_cut then left(bury.entry, audit.bound('letter_characters')::integer)
      else bury.entry end
  from (
    select coalesce(octet_length(bury.entry) > audit.bound('entry_bytes'), false) as is_cut
  ) as text
  where not exists (select from copy)
  on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0)) where recorder_id is not null
  do nothing
$$;
