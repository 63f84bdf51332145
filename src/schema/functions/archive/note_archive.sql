-- Compares an archive with the partition and notes it. Returns its number, or null where the content
-- digest is another one. The keeper's login says what its file holds, and the database counts for
-- itself: so a digest that is noted is always one of entries that stood in the log.
CREATE OR REPLACE FUNCTION "audit"."note_archive"(
  "log_table" text, "kept" text, "from_seq" bigint, "to_seq" bigint, "claimed" text, "file_format" text
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  found record;
  noted bigint;
begin
  select * into found from audit.archive_digest(log_table, kept, from_seq, to_seq);
  if found.rows = 0 or found.digest is distinct from claimed then
    return null;
  end if;
  insert into audit.audit_archive (partition, format, rows, first_seq, last_seq, digest)
  values (log_table, file_format, found.rows, found.first_seq, found.last_seq, found.digest)
  on conflict (partition, digest, format)
  do update set compared_at = clock_timestamp(), written_by = session_user
  returning number into noted;
  return noted;
end
$$;
