-- Numbers as JSON: an array of runs, each with its first and its last number.
CREATE OR REPLACE FUNCTION "audit"."seq_runs"("seqs" bigint[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  select jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) order by r)
  from unnest((select range_agg(int8range(s, s, '[]')) from unnest(seqs) as s)) as r
$$;
