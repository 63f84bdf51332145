-- Refuses UPDATE, DELETE and TRUNCATE on the log for every role, even one that was granted them. The
-- triggers that call it are ENABLE ALWAYS, so they also fire under session_replication_role =
-- replica.
--
-- It lets an erasure through, and nothing else: an UPDATE by the owner of the table while
-- audit.blank_entries() says that it runs, of a row of which audit.audit_erasure says that fields are
-- erased, and only where each column that changes is one of these fields and becomes empty. All other
-- columns must be the same to the byte. The owner alone can say that it runs, but without such a row
-- nothing passes, and a row for an erasure that the log does not know is found by audit-relay verify.
CREATE OR REPLACE FUNCTION "audit"."refuse_change"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  fields text[];
  rest record;
begin
  if tg_op = 'UPDATE' and current_setting('audit.erasing', true) = 'yes'
    and current_user = (select pg_get_userbyid(c.relowner) from pg_class as c where c.oid = tg_relid)
  then
    if tg_level = 'STATEMENT' then
      -- Where the row trigger is missing, nobody would look at the rows.
      if exists (
        select from pg_trigger as g
        where g.tgrelid = tg_relid and g.tgname = 'audit_log_row_append_only' and g.tgenabled = 'A'
      ) then
        return null;
      end if;
    else
      select e.fields into fields
      from audit.audit_erasure as e where e.seq = old.seq and e.id = old.id;
      rest := new;
      if 'user_id' = any(fields) and new.user_id is null then
        rest.user_id := old.user_id;
      end if;
      if 'actor_id' = any(fields) and new.actor_id is null then
        rest.actor_id := old.actor_id;
      end if;
      if 'target_id' = any(fields) and new.target_id is null then
        rest.target_id := old.target_id;
      end if;
      if 'more_targets' = any(fields) and new.more_targets is null then
        rest.more_targets := old.more_targets;
      end if;
      if 'request_id' = any(fields) and new.request_id is null then
        rest.request_id := old.request_id;
      end if;
      if 'metadata' = any(fields) and new.metadata = '{}' then
        rest.metadata := old.metadata;
      end if;
      if 'context' = any(fields) and new.context = '{}' then
        rest.context := old.context;
      end if;
      if fields is not null and rest *= old then
        return new;
      end if;
    end if;
  end if;
  raise exception '% on %.% refused: the audit log is append-only',
    tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege',
          hint = 'Record a new entry that says what was wrong with the old one.';
end
$$;
