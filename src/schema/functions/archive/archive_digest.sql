-- How many entries an archive takes from a partition between two numbers, and their content digest:
-- a chain of SHA-256 over the entries in the order of (seq, id). Each link is the hash of the link
-- before it and of the entry's line of NDJSON, byte by byte as "audit-relay export" writes it.
--
-- Two digests are equal only where the same entries stand in the same order and every column is the
-- same. A sum of hashes takes half the time, but it does not see the order, and anyone who can choose
-- two entries can make two others with the same sum of 48 bits each. The function needs the memory
-- of one entry: the chain goes from row to row, and the index on seq brings them in order.
CREATE OR REPLACE FUNCTION "audit"."archive_digest"(
  "log_table" text, "kept" text, "from_seq" bigint, "to_seq" bigint,
  OUT "rows" bigint, OUT "first_seq" bigint, OUT "last_seq" bigint, OUT "digest" text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_sort = off SET enable_bitmapscan = off AS $$
declare
  chain bytea := '';
  entry record;
begin
  rows := 0;
  for entry in execute format($query$
    select p.seq, concat(
      '{"seq":', p.seq, ',"id":"', p.id, '","occurred_at":"', %2$s, '","logged_at":"', %3$s,
      '","written_by":', to_json(p.written_by),
      ',"event_id":', coalesce(to_json(p.event_id)::text, 'null'),
      ',"action":', to_json(p.action),
      ',"entity_type":', coalesce(to_json(p.entity_type)::text, 'null'),
      ',"outcome":', coalesce(to_json(p.outcome)::text, 'null'),
      ',"actor_kind":', coalesce(to_json(p.actor_kind)::text, 'null'),
      ',"user_id":', coalesce(to_json(p.user_id)::text, 'null'),
      ',"actor_id":', coalesce(to_json(p.actor_id)::text, 'null'),
      ',"target_id":', coalesce(to_json(p.target_id)::text, 'null'),
      ',"more_targets":', coalesce(array_to_json(p.more_targets)::text, 'null'),
      ',"request_id":', coalesce(to_json(p.request_id)::text, 'null'),
      ',"metadata":', p.metadata, ',"context":', p.context,
      ',"recorder_id":', coalesce(to_json(p.recorder_id)::text, 'null'),
      ',"recorder_seq":', coalesce(p.recorder_seq::text, 'null'), '}', chr(10)
    ) as line
    from %1$s and p.seq between $1 and $2 order by p.seq, p.id
    $query$,
    audit.archive_source(log_table, kept),
    audit.archive_time('p.occurred_at'), audit.archive_time('p.logged_at')
  ) using from_seq, to_seq loop
    chain := sha256(chain || convert_to(entry.line, 'UTF8'));
    rows := rows + 1;
    first_seq := coalesce(first_seq, entry.seq);
    last_seq := entry.seq;
  end loop;
  digest := encode(chain, 'hex');
end
$$;
