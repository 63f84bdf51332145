-- A time as a JSON string, as an export prints it: in UTC with six digits. One expression, as
-- leaf_of(). An endless time comes out of to_json() as its word.
CREATE OR REPLACE FUNCTION "audit"."leaf_time"("at" timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
  select case when pg_catalog.isfinite("at") then pg_catalog.concat(
    '"', pg_catalog.to_char("at" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    case when ("at" at time zone 'UTC') operator(pg_catalog.<) timestamp '0001-01-01' then ' BC"'
      else '"' end
  ) else pg_catalog.to_json("at" at time zone 'UTC')::pg_catalog.text end
$$;
