-- Erases fields of entries: empties them in the log and in each copy of it in this schema, for good, and
-- notes which ones in audit.audit_erasure. Everything else of the entries stays. It leaves an entry
-- "audit.erase" with the numbers, the fields, the reason and the login. Returns the entries of which
-- something was erased, each with all of its fields that are erased by now. What was erased before is
-- left out, so a call that is repeated does no harm.
--
-- - It raises for a number that is nowhere (P0002), for one of the product's own entries that must stay
--   (22023), and for an entry that a legal hold is about (55006, with the hold as the constraint). Then
--   nothing was erased.
-- - It is one transaction of at most 10,000 entries. To erase more, call it again.
-- - Nothing may copy entries meanwhile: it holds the row that each step of retention and each restore of
--   an archive locks, and the one that a maker of partitions locks. It fails with 55P03 where it did
--   not get one of them. Then try again.
-- - Where the log is sealed, it raises 55000 for an entry that is not sealed yet, as if it named the table
--   audit_checkpoint: then try again. What proves the entry without the erased values is kept, and its
--   salt becomes zero. Where it is not sealed, no sealer begins meanwhile.
-- - audit_hold is locked before it is looked at, so that no hold is placed between the look and the end.
CREATE OR REPLACE FUNCTION "audit"."erase"(
  "seqs" bigint[], "fields" text[], "reason" text,
  OUT "seq" bigint, OUT "id" uuid, OUT "erased" text[]
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
  select e.seq, e.id, e.erased from audit.erase_entries(seqs, fields, reason, false) as e
$$;
