-- Makes the salts of these numbers zero: without its salt nobody can find out what a value was by hashing
-- guesses. Each row of the table is written once, however many of its salts go.
CREATE OR REPLACE FUNCTION "audit"."forget_salts"("runs" int8multirange) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_salt as s set salts = (
    select string_agg(
      case when runs @> s.n * 256 + p.place then decode(repeat('00', 16), 'hex')
        else substr(s.salts, p.place * 16 + 1, 16) end, ''::bytea order by p.place)
    from generate_series(0, 255) as p (place)
  )
  where s.n in (
    select distinct generate_series(lower(r) / 256, (upper(r) - 1) / 256) from unnest(runs) as r
  )
$$;
