-- The last number of the log, for those who have no right on the head itself. The function is
-- STABLE, so it sees what the statement around it sees: that statement has then seen every entry up
-- to this number.
CREATE OR REPLACE FUNCTION "audit"."last_seq"() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  return (select h.seq from audit.audit_head as h);
end
$$;
