-- The rows of a slice as a recorder sends it, an array of arrays, in the types of a lane's columns,
-- and whether the lane takes each as it is. The ids of user, event and target are text: a caller whose
-- columns are uuid casts them, which raises where one is no UUID. "is_plain" is what audit.is_plain()
-- says of the slice's text. The function raises where a value is not of its column's type. A statement
-- that calls it holds its text in its own plan, so a constant for "ids_are_text" leaves only what that
-- kind needs. OFFSET 0 has each value read once. A row ends with an object of what few entries have.
-- One with more targets does not fit, so that examine() reads them.
CREATE OR REPLACE FUNCTION "audit"."typed_rows"(
  "slice" jsonb, "is_plain" boolean, "oldest" uuid, "latest" uuid, "ids_are_text" boolean
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz, "recorder_seq" bigint,
  "user_id" text, "event_id" text, "target_id" text,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb,
  "outcome" text, "actor_id" text, "actor_kind" text
)
LANGUAGE sql STABLE AS $$
  select
    (not ids_are_text
        or r.are_texts and audit.are_fit_ids(r.user_id, r.event_id, r.target_id))
      and audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain)
      and (r.rare is null or audit.is_rare_fit(r.rare)),
    r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context,
    r.rare ->> 'outcome', r.rare ->> 'actor_id', r.rare ->> 'actor_kind'
  from (
    select
      (e ->> 0)::uuid as id, (e ->> 1)::timestamptz as occurred_at, (e ->> 2)::bigint as recorder_seq,
      e ->> 3 as user_id, e ->> 4 as event_id, e ->> 5 as target_id,
      not ids_are_text or jsonb_typeof(e -> 3) in ('string', 'null')
        and jsonb_typeof(e -> 4) in ('string', 'null')
        and jsonb_typeof(e -> 5) in ('string', 'null') as are_texts,
      e ->> 6 as action, e ->> 7 as entity_type, e ->> 8 as request_id,
      e -> 9 as metadata, e -> 10 as context, e -> 11 as rare,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 9 end as printed_metadata,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 10 end as printed_context
    from jsonb_array_elements(slice) as e
    offset 0
  ) as r
$$;
