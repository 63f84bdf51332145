-- Writes down that somebody read the log, as an entry "audit.read", or that somebody was refused, as
-- "audit.read_denied", in the outbox lane. "user_id" may be any text: one that its column cannot hold
-- goes to context.invalid. Metadata and context are bounded as those of any entry. It raises where they are
-- too large, so a reader that must be written down is not answered. Returns the entry's id.
CREATE OR REPLACE FUNCTION "audit"."note_read"(
  "denied" boolean, "user_id" text, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  given json := json_build_object(
    'action', 'log.read', 'user_id', user_id, 'metadata', metadata, 'context', context);
  seen record;
begin
  if denied is null then
    raise exception 'audit.note_read was not told whether reading was denied'
      using errcode = 'invalid_parameter_value';
  end if;
  seen := audit.examine(given, octet_length(given::text), null, null, true);
  if seen.refusal is not null then
    raise exception 'audit.note_read refused what was read: %', seen.reason
      using errcode = seen.refusal;
  end if;
  return audit.put_ours(
    case when denied then 'audit.read_denied' else 'audit.read' end,
    -- By JSON, because a kept plan for the column itself fails once its type has changed.
    row_to_json(seen.entry) ->> 'user_id', (seen.entry).metadata, (seen.entry).context
  );
end
$$;
