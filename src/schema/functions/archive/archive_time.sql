-- SQL that writes a column of type timestamptz as an export does: ISO 8601 in UTC with six digits,
-- " BC" behind a time before our era, and the word where it is infinite.
CREATE OR REPLACE FUNCTION "audit"."archive_time"("column" text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  select format($sql$case
    when not isfinite(%1$s) then %1$s::text
    when %1$s at time zone 'UTC' < timestamp '0001-01-01'
      then to_char(%1$s at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z BC"')
    else to_char(%1$s at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  end$sql$, "column")
$$;
