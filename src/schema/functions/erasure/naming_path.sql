-- An SQL/JSON path that finds a user's id in a document, by the rules of "audit-relay export --about":
-- a text or a name in an object that is the id; a number of the same digits; and within a longer text,
-- where the id has 16 characters or more.
CREATE OR REPLACE FUNCTION "audit"."naming_path"("user_id" text) RETURNS jsonpath
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  ids_are_text constant boolean :=
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype;
  literal constant text := to_json(user_id)::text;
  names text := case when char_length(user_id) >= 16
    then format('like_regex %s flag "%s"', literal, case when ids_are_text then 'q' else 'iq' end)
    else format('== %s', literal) end;
begin
  return format(
    '$.** ? (@ %1$s %2$s|| (@.type() == "object" && exists(@.keyvalue() ? (@.key %1$s))))',
    names, case when user_id ~ '^(0|-?[1-9][0-9]*)$' then format('|| @ == %s ', user_id) else '' end
  )::jsonpath;
end
$$;
