-- Compares what was restored of one archived file with the content digest of that file, and takes it
-- into the restored table. Returns its name, or null where the digest is another one.
--
-- It is restored_PARTITION where the digest is one that audit.note_archive() noted: then the database
-- itself has seen these entries in the log, and they may come back to it. A file that only claims a
-- digest, as one of another database, comes into restored_PARTITION_claimed, for reading alone.
--
-- What was erased since the file was made stays erased, in both: once the digest is compared, the
-- entries are copied without it into another table, so that their bytes are nowhere in it.
CREATE OR REPLACE FUNCTION "audit"."join_restored"("log_table" text, "claimed" text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  part constant text := format('restored_%s_part', log_table);
  is_noted constant boolean := exists (
    select from audit.audit_archive as a where a.partition = log_table and a.digest = claimed
  );
  restored constant text := format('restored_%s%s', log_table, case when not is_noted then '_claimed' end);
  index_of record;
begin
  execute format('create index on audit.%I (seq)', part);
  if claimed is distinct from (
    select d.digest from audit.archive_digest(
      part, null, '-9223372036854775808', '9223372036854775807') as d
  ) then
    return null;
  end if;
  perform audit.leave_blank(part);
  if to_regclass(format('audit.%I', restored)) is not null then
    -- An entry may be in two files, as where one was made of the whole partition.
    execute format('insert into audit.%I select * from audit.%I order by id on conflict do nothing',
      restored, part);
    execute format('drop table audit.%I', part);
    return restored;
  end if;
  execute format('alter table audit.%I rename to %I', part, restored);
  -- The indexes of the log, so that it is read, and attached, as a partition is.
  for index_of in
    select i.indisprimary as is_key, pg_get_indexdef(i.indexrelid) as text
    from pg_index as i where i.indrelid = 'audit.audit_log'::regclass
      and i.indexrelid is distinct from to_regclass('audit.audit_log_seq')
  loop
    if index_of.is_key then
      execute format('alter table audit.%I add primary key (id)', restored);
    else
      execute regexp_replace(index_of.text, '^CREATE INDEX \S+ ON (ONLY )?\S+',
        format('CREATE INDEX ON audit.%I', restored));
    end if;
  end loop;
  execute format('analyze audit.%I', restored);
  perform audit.grant_restored(restored, true);
  return restored;
end
$$;
