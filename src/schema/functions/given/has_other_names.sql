-- Whether an entry of an array has a key that is no column's. It raises where an entry is no object. A
-- function that calls it pins its search_path.
CREATE OR REPLACE FUNCTION "audit"."has_other_names"("entries" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select exists (
    select from jsonb_array_elements(entries) as e
    where (e - array[
      'id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'action', 'entity_type', 'request_id',
      'metadata', 'context', 'outcome', 'actor_id', 'actor_kind', 'more_targets'
    ]) <> '{}'
  )
$$;
