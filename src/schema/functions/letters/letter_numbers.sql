-- The numbers of the dead letters behind one number, smallest first, at most max_letters.
CREATE OR REPLACE FUNCTION "audit"."letter_numbers"("after" bigint, "max_letters" integer)
RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select d.number from audit.audit_dead_letter as d
  where d.number > after order by d.number limit max_letters
$$;
