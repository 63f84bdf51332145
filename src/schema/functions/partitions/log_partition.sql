-- The bounds of a partition that retention may replace: one of the catalogue, in the log now, with the
-- bounds that the catalogue says, or DEFAULT. It raises for any other name.
CREATE OR REPLACE FUNCTION "audit"."log_partition"(
  "partition" text, OUT "from_id" uuid, OUT "to_id" uuid
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  bounds text;
begin
  select pg_get_expr(c.relpartbound, c.oid) into bounds
  from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
  where i.inhparent = 'audit.audit_log'::regclass and c.relnamespace = 'audit'::regnamespace
    and c.relname = partition;
  if bounds is null then
    raise exception 'the log has no partition %', partition
      using errcode = 'invalid_parameter_value', hint = '"audit-relay retention" lists the partitions.';
  end if;
  -- Names of other tables are made of it, and Postgres cuts a name at 63 bytes.
  if octet_length(partition) > 40 then
    raise exception 'the name of the partition % is longer than 40 bytes', partition
      using errcode = 'object_not_in_prerequisite_state', hint = 'Rename the partition.';
  end if;
  if bounds = 'DEFAULT' then
    return;
  end if;
  select p.from_id, p.to_id into from_id, to_id
  from audit.audit_partition as p where p.name = partition;
  if bounds is distinct from format('FOR VALUES FROM (%L) TO (%L)', from_id, to_id) then
    raise exception 'the catalogue does not have the partition % with the bounds that it has', partition
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'It was made by hand. "audit-relay doctor" says what to do.';
  end if;
end
$$;
