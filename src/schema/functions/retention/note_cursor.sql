-- Notes how far a reader with a name has read, so that retention waits for it. Such a reader calls it
-- from time to time. It may go back, as a reader may.
CREATE OR REPLACE FUNCTION "audit"."note_cursor"(
  "name" text, "history" uuid, "seq" bigint, "id" uuid
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  if coalesce(char_length(name) not between 1 and 128, true) or history is null or seq is null or seq < 0
  then
    raise exception 'audit.note_cursor needs a name of 1 to 128 characters, a history and a seq'
      using errcode = 'invalid_parameter_value';
  end if;
  insert into audit.audit_cursor as c (name, history, seq, id, seen_at)
  values (note_cursor.name, note_cursor.history, note_cursor.seq, note_cursor.id, clock_timestamp())
  on conflict on constraint audit_cursor_pkey do update
  set history = excluded.history, seq = excluded.seq, id = excluded.id, seen_at = excluded.seen_at;
end
$$;
