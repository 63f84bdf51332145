-- Puts a signed checkpoint on top of the one of from_size, with the tiles that grew, in one transaction:
-- there is no checkpoint whose tiles are missing. Returns false where another sealer was faster. The lock
-- on the tree's row keeps sealers in turn for the length of this statement. The tiles are a list of
-- {level, n, hashes}, the hashes in base64.
CREATE OR REPLACE FUNCTION "audit"."put_seal"(
  "origin" smallint, "from_size" bigint, "to_size" bigint, "root" bytea, "note" text, "tiles" json
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  tree audit.audit_origin;
begin
  -- What a sealer has signed must not be lost by a crash: it would refuse to go on.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  select * into tree from audit.audit_origin as o where o.origin = put_seal.origin for update;
  if tree is null
    or exists (select from audit.audit_origin as o where o.origin > put_seal.origin)
    or from_size <> coalesce(
      (select max(c.size) from audit.audit_checkpoint as c where c.origin = put_seal.origin), 0)
  then
    return false;
  end if;
  if to_size > (select h.seq from audit.audit_head as h) - tree.first_seq + 1 then
    raise exception 'the log has no entry %', tree.first_seq - 1 + to_size
      using errcode = 'invalid_parameter_value';
  end if;
  insert into audit.audit_tile as t (origin, level, n, hashes)
  select put_seal.origin, g.level, g.n, decode(g.hashes, 'base64')
  from json_to_recordset(tiles) as g (level smallint, n bigint, hashes text)
  order by g.level, g.n
  on conflict on constraint audit_tile_origin_level_n_pk do update set hashes = excluded.hashes
  where octet_length(t.hashes) < octet_length(excluded.hashes);
  insert into audit.audit_checkpoint (origin, size, previous, root, note)
  values (put_seal.origin, to_size, from_size, put_seal.root, put_seal.note);
  return true;
end
$$;
