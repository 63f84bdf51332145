-- The entries with these numbers, for a consumer that is on: the relay has no SELECT on the log, and reads
-- nothing by this function while nobody has turned a consumer on. At most 512 numbers at a time.
--
-- - Ids are text, as the log's columns print them.
-- - Metadata and context are null where they are longer than 2 MiB, or have a number of more than 1,000
--   digits: Postgres keeps 1e131071 in eight bytes.
-- - It reads one range of ids after the other.
-- - Where several have more than 16 MiB of metadata and context, it raises program_limit_exceeded: then ask for
--   fewer numbers. Of one number the answer has 4 MiB and some text at most.
CREATE OR REPLACE FUNCTION "audit"."follow_entries"(
  "consumer" text, "from_seq" bigint, "to_seq" bigint,
  OUT "seq" bigint, OUT "id" uuid, OUT "logged_at" timestamptz, OUT "written_by" text,
  OUT "action" text, OUT "entity_type" text, OUT "request_id" text, OUT "outcome" text,
  OUT "event_id" text, OUT "user_id" text, OUT "actor_id" text, OUT "actor_kind" text,
  OUT "target_id" text, OUT "more_targets" text[], OUT "metadata" text, OUT "context" text
) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- By the index on seq. Nothing else is cheaper, whatever the statistics say.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
declare
  most constant bigint := 512;
  most_bytes constant bigint := 16777216;
  bytes bigint := 0;
  range record;
begin
  if from_seq < 1 or to_seq < from_seq or to_seq - from_seq >= most
    or not exists (
      select from audit.audit_follow as f
      where f.consumer = follow_entries.consumer and from_seq >= f.since_seq)
  then
    raise exception 'no entries from % to % for "%"', from_seq, to_seq, consumer
      using errcode = 'invalid_parameter_value';
  end if;
  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all.
    for seq, id, logged_at, written_by, action, entity_type, request_id, outcome, event_id, user_id,
      actor_id, actor_kind, target_id, more_targets, metadata, context
    in execute 'select l.seq, l.id, l.logged_at, l.written_by, l.action, l.entity_type,
        l.request_id, l.outcome, l.event_id::text, l.user_id::text, l.actor_id::text, l.actor_kind,
        l.target_id::text, l.more_targets::text[], audit.readable_text(l.metadata),
        audit.readable_text(l.context)
      from audit.audit_log as l
      where l.seq between $1 and $2 and l.id >= $3 and ($4 is null or l.id < $4)'
    using from_seq, to_seq, range.from_id, range.to_id
    loop
      bytes := bytes + coalesce(octet_length(metadata), 0) + coalesce(octet_length(context), 0);
      if bytes > most_bytes and to_seq > from_seq then
        raise exception 'the entries from % to % have more than 16 MiB', from_seq, to_seq
          using errcode = 'program_limit_exceeded';
      end if;
      return next;
    end loop;
  end loop;
end
$$;
