-- The text of the leaf of an entry of which something was erased, by its opening: each value that is
-- still there with its own salt, and the commitment of each that was erased.
CREATE OR REPLACE FUNCTION "audit"."leaf_opened"("entry" audit.audit_log, "opening" jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  leaf text;
  part record;
  salt_of constant text[] := array(
    select coalesce(opening -> f ->> 'salt', repeat('00', 12))
    from unnest(array['user_id', 'target_id', 'request_id', 'metadata', 'context', 'actor_id', 'more_targets'])
      with ordinality as f (f, n) order by n);
begin
  leaf := audit.leaf_of(entry,
    decode(array_to_string(salt_of[1:5], ''), 'hex'), decode(array_to_string(salt_of[6:7], ''), 'hex'));
  for part in select o.key, o.value ->> 'erased' as erased from jsonb_each(opening) as o loop
    -- Strings escape their quotes, so a name with quotes around it and a comma before it is the key.
    if part.erased is not null then
      leaf := regexp_replace(leaf, format(',"%s":(null|"[0-9a-f]{64}")', part.key),
        format(',"%s":"%s"', part.key, part.erased));
    end if;
  end loop;
  return leaf;
end
$$;
