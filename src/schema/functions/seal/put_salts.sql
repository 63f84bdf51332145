-- Makes the salts of the numbers of these rows, where they are missing. Of several sealers the first one
-- decides the random bytes; from then on each of them makes the same leaves.
CREATE OR REPLACE FUNCTION "audit"."put_salts"("from_n" bigint, "to_n" bigint) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_salt (n, salts)
  select missing.n, string_agg(uuid_send(gen_random_uuid()), ''::bytea)
  from (
    select g.n from generate_series(from_n, to_n) as g (n)
    where not exists (select from audit.audit_salt as s where s.n = g.n)
  ) as missing
  cross join generate_series(1, 256)
  group by missing.n
  order by missing.n
  on conflict (n) do nothing
$$;
