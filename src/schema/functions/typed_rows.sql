-- The rows of a slice as a recorder sends it, an array of arrays, in the types of a lane's columns,
-- and whether the lane takes each as it is. "is_plain" is what audit.is_plain() says of its text. It raises where a value is not of its column's type. A
-- statement that calls it holds its text in its own plan; OFFSET 0 has each value read once.
CREATE OR REPLACE FUNCTION "audit"."typed_rows"(
  "slice" jsonb, "is_plain" boolean, "oldest" uuid, "latest" uuid
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz, "recorder_seq" bigint,
  "user_id" uuid, "event_id" uuid, "target_id" uuid,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb
)
LANGUAGE sql STABLE AS $$
  select
    audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain),
    r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context
  from (
    select
      (e ->> 0)::uuid as id, (e ->> 1)::timestamptz as occurred_at, (e ->> 2)::bigint as recorder_seq,
      (e ->> 3)::uuid as user_id, (e ->> 4)::uuid as event_id, (e ->> 5)::uuid as target_id,
      e ->> 6 as action, e ->> 7 as entity_type, e ->> 8 as request_id,
      e -> 9 as metadata, e -> 10 as context,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 9 end as printed_metadata,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 10 end as printed_context
    from jsonb_array_elements(slice) as e
    offset 0
  ) as r
$$;
