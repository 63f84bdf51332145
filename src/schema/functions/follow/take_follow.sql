-- Moves a consumer's cursor behind to_seq, and returns whether it may write what it made of the entries
-- up to there: not where another relay was faster, where the consumer was turned off, where an entry was
-- emptied, removed or brought back since it read, or where the log has begun another history. Who calls it
-- writes in the same transaction.
CREATE OR REPLACE FUNCTION "audit"."take_follow"(
  "consumer" text, "history" uuid, "from_seq" bigint, "to_seq" bigint, "changes" bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  -- What a crash loses is the cursor and what was written with it, so it is made again.
  perform set_config('synchronous_commit', 'off', true);
  update audit.audit_follow as f set seq = to_seq, moved_at = clock_timestamp()
  from audit.audit_head as h
  where f.consumer = take_follow.consumer and f.history = take_follow.history
    and h.history = take_follow.history and f.seq = from_seq - 1 and to_seq between from_seq and h.seq
    and f.changes = take_follow.changes;
  return found;
end
$$;
