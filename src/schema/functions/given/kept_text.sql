-- What context.invalid keeps of a text that was given for a field, and the marks that say so.
CREATE OR REPLACE FUNCTION "audit"."kept_text"(
  "field" text, "given" text, OUT "invalid" jsonb, OUT "marks" text[]
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select
    case when given is null then '{}'
      else jsonb_build_object(field, left(given, audit.bound('text_characters')::integer)) end,
    case
      when given is null then '{}'
      when length(given) > audit.bound('text_characters')
        then array[field || '.invalid', field || '.truncated']
      else array[field || '.invalid']
    end
$$;
