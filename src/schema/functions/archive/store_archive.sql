-- Notes where the file of a compared archive lies, and the one with the salts of its entries, once they
-- have been read back from there.
CREATE OR REPLACE FUNCTION "audit"."store_archive"(
  "number" bigint, "url" text, "sha256" text, "bytes" bigint, "locked_until" timestamptz,
  "salts_url" text DEFAULT NULL
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_archive as a
  set url = store_archive.url, sha256 = store_archive.sha256, bytes = store_archive.bytes,
    locked_until = store_archive.locked_until, stored_at = clock_timestamp(),
    salts_url = coalesce(store_archive.salts_url, a.salts_url)
  where a.number = store_archive.number
$$;
