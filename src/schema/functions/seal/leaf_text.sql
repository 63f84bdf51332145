-- The text of an entry's leaf with the 16 bytes of its salt. Where the entry stands in a statement that
-- makes many leaves, leaf_of() computes the hash of the salt once.
CREATE OR REPLACE FUNCTION "audit"."leaf_text"("entry" audit.audit_log, "salt" bytea) RETURNS text
LANGUAGE sql STABLE AS $$
  select audit.leaf_of(
    entry, pg_catalog.sha512(salt),
    case when entry.actor_id is not null or entry.more_targets is not null then
      pg_catalog.sha512(salt operator(pg_catalog.||) pg_catalog.decode('01', 'hex')) end)
$$;
