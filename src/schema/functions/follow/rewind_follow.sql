-- Sets a consumer back to the last number that the log still has as the consumer read it, in the log's
-- present history. Returns whether it did: not where another relay was faster. Who calls it drops in the
-- same transaction what the consumer wrote of greater numbers.
CREATE OR REPLACE FUNCTION "audit"."rewind_follow"(
  "consumer" text, "history" uuid, "to_seq" bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  update audit.audit_follow as f
  set history = h.history, seq = greatest(to_seq, 0), since_seq = least(f.since_seq, greatest(to_seq, 0) + 1),
    changes = f.changes + 1, moved_at = clock_timestamp()
  from audit.audit_head as h
  where f.consumer = rewind_follow.consumer and f.history = rewind_follow.history
    and h.history <> f.history and to_seq <= f.seq;
  return found;
end
$$;
