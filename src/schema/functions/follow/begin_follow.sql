-- Turns a consumer on: it takes the entries from this number on. Where it is on already, nothing changes.
-- Returns the number from which on it takes them.
--
-- It waits for those who empty, remove or bring back entries, and they for it: who saw no consumer while it
-- was turned on could not tell it that what it reads is changed.
CREATE OR REPLACE FUNCTION "audit"."begin_follow"("consumer" text, "since" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10s' AS $$
declare
  known bigint;
begin
  select f.since_seq into known from audit.audit_follow as f where f.consumer = begin_follow.consumer;
  if known is not null then
    return known;
  end if;
  lock table audit.audit_follow in share row exclusive mode;
  insert into audit.audit_follow as f (consumer, history, since_seq, seq, before_id)
  select begin_follow.consumer, h.history, since, since - 1, audit.greatest_id_before(since)
  from audit.audit_head as h
  on conflict on constraint audit_follow_pkey do nothing;
  return (select f.since_seq from audit.audit_follow as f where f.consumer = begin_follow.consumer);
end
$$;
