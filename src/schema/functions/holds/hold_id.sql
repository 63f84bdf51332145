-- An id that was given for a hold, as the log's columns print it. It raises for one that no entry can
-- have: such a hold would hold nothing.
CREATE OR REPLACE FUNCTION "audit"."hold_id"("given" text, "field" text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  ids_are_text constant boolean :=
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype;
  seen record;
begin
  if given is null then
    return null;
  end if;
  seen := audit.read_id(to_json(given), field, ids_are_text);
  if seen.id is null then
    raise exception '% cannot be the % of an entry of this log', case
        when ids_are_text then 'an empty text' else 'what is no UUID' end, field
      using errcode = 'invalid_parameter_value';
  end if;
  return case when ids_are_text then seen.id else seen.id::uuid::text end;
end
$$;
