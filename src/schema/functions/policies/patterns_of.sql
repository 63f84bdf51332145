-- The patterns that an action can have a policy by, the most exact one first. "*" leaves out the
-- product's own entries, and of those only reading can have a policy. Of a pattern it gives the
-- pattern itself and those that stand in for it once it is removed.
CREATE OR REPLACE FUNCTION "audit"."patterns_of"("action" text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case
    when action = 'audit.read' then array[action]
    when split_part(action, '.', 1) = 'audit' then '{}'
    else array[action, split_part(action, '.', 1) || '.*', '*']
  end
$$;
