-- The fast lane's epoch. It is null from the moment when the lane was emptied until a relay
-- notices.
CREATE OR REPLACE FUNCTION "audit"."lane_epoch"() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select s.epoch from audit.audit_sentinel as s
$$;
