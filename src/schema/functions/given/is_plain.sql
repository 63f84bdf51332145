-- Whether a text of so many entries holds none that is too large, and no number of more than 1,000
-- digits, written out or as an exponent, for sure. It looks only at a text with more than 2 KiB an
-- entry: below that, to print the metadata and the context of each entry costs less than this pattern.
CREATE OR REPLACE FUNCTION "audit"."is_plain"("given" text, "entries" integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select octet_length(given) > 2048 * entries
    and octet_length(given) <= audit.bound('entry_bytes')
    and given !~ '[0-9]{24}|[[:space:],:[]-?[0-9][0-9.]*[eE][-+]?[0-9]{3}' collate "C"
$$;
