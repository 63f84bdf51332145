-- Gives a table of the seal the triggers that let it only grow, also under session_replication_role =
-- replica.
CREATE OR REPLACE FUNCTION "audit"."guard_seal_table"("seal_table" regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  execute format('drop trigger if exists audit_seal_row on %s', seal_table);
  execute format('drop trigger if exists audit_seal_truncate on %s', seal_table);
  execute format('create trigger audit_seal_row before insert or update or delete on %s '
    'for each row execute function audit.guard_seal()', seal_table);
  execute format('create trigger audit_seal_truncate before truncate on %s '
    'for each statement execute function audit.guard_seal()', seal_table);
  execute format('alter table %s enable always trigger audit_seal_row', seal_table);
  execute format('alter table %s enable always trigger audit_seal_truncate', seal_table);
end
$$;
