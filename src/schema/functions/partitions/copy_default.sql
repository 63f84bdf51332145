-- Copies rows of DEFAULT to the tables next to the log that replace parts of it: rows of the ranges of
-- ids to the tables of these names, all others to audit_log_default_next. Returns how many rows it
-- copied. seq_after: only rows with a greater seq; all, where it is null. With a seq_after, rows that
-- were copied before are left out.
CREATE OR REPLACE FUNCTION "audit"."copy_default"(
  "names" text[], "first_ids" uuid[], "end_ids" uuid[], "seq_after" bigint
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  elsewhere text := 'true';
  copied bigint;
  copied_in_all bigint := 0;
begin
  for range in 1 .. cardinality(names) loop
    execute format(
      'insert into audit.%I select * from audit.audit_log_default '
      'where id >= %L and id < %L and ($1 is null or seq > $1) %s',
      names[range], first_ids[range], end_ids[range],
      case when seq_after is null then '' else 'on conflict (id) do nothing' end)
    using seq_after;
    get diagnostics copied = row_count;
    copied_in_all := copied_in_all + copied;
    elsewhere := elsewhere
      || format(' and not (id >= %L and id < %L)', first_ids[range], end_ids[range]);
  end loop;
  execute format(
    'insert into audit.audit_log_default_next select * from audit.audit_log_default '
    'where %s and ($1 is null or seq > $1) %s',
    elsewhere, case when seq_after is null then '' else 'on conflict (id) do nothing' end)
  using seq_after;
  get diagnostics copied = row_count;
  return copied_in_all + copied;
end
$$;
