-- Whether there is a day on which the time "keep" reaches less far back than the time "other". Null is
-- forever. A month can be shorter than 30 days and longer, so the days around a year are tried that
-- is no leap year although four divide it.
CREATE OR REPLACE FUNCTION "audit"."is_shorter"("keep" interval, "other" interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case
    when keep is null then false
    when other is null then true
    else (
      select bool_or(day - keep > day - other)
      from generate_series(
        timestamp '2092-01-01', timestamp '2104-12-31', interval '1 day') as day
    )
  end
$$;
