-- The consumers that are on, how far each has taken the log, and how far the log is. No row where none
-- is on. "rewind_to" is the number up to which the log is the one that the consumer has read: smaller than
-- "seq" where a restore has given numbers again.
CREATE OR REPLACE FUNCTION "audit"."follow_state"(
  OUT "consumer" text, OUT "history" uuid, OUT "since_seq" bigint, OUT "seq" bigint,
  OUT "changes" bigint, OUT "before_id" uuid, OUT "begun_at" timestamptz, OUT "moved_at" timestamptz, OUT "head" bigint, OUT "log_history" uuid,
  OUT "rewind_to" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select f.consumer, f.history, f.since_seq, f.seq, f.changes, f.before_id, f.begun_at, f.moved_at, h.seq, h.history,
    case when f.history = h.history then f.seq else least(f.seq, h.seq, (
      select min(y.first_seq) - 1 from audit.audit_history as y
      where y.at > (select o.at from audit.audit_history as o where o.history = f.history)
    )) end
  from audit.audit_follow as f cross join audit.audit_head as h
  order by f.consumer
$$;
