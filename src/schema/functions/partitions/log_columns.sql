-- The columns of the log, in its order, for a statement that copies its rows. A partition that somebody
-- made by hand may have them in another order.
CREATE OR REPLACE FUNCTION "audit"."log_columns"() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped
$$;
