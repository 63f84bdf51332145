-- Entries of an array of objects with the columns' names, in the types of a lane's columns, and
-- whether the lane takes each as it is. It does not where an id is none for its column, or where a time
-- has no zone or is more than a day ahead, unless the library has "redacted" the entries. An entry
-- without an id or a time gets one. It raises where a text is no time.
--
-- The ids of user, event and target are text: a caller whose columns are uuid casts those of entries
-- that fit. An entry with more targets does not, so that examine() reads them. Where "ids_are_text", the caller has looked with audit.has_odd_ids().
--
-- A statement that calls this function holds its text in its own plan, so a constant for
-- "ids_are_text" leaves only what that kind needs. OFFSET 0 has each value read once. One pattern over
-- four ids would cost a tenth of the whole.
CREATE OR REPLACE FUNCTION "audit"."typed_entries"(
  "entries" jsonb, "redacted" boolean, "is_plain" boolean, "oldest" uuid, "latest" uuid,
  "ids_are_text" boolean
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz,
  "user_id" text, "event_id" text, "target_id" text,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb,
  "outcome" text, "actor_id" text, "actor_kind" text
)
LANGUAGE sql STABLE AS $$
  select
    r.are_uuids
      and r.is_time
      and (redacted or r.occurred_at <= statement_timestamp() + interval '1 day')
      and (not ids_are_text or audit.are_fit_ids(r.user_id, r.event_id, r.target_id))
      and audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain)
      and r.more_targets is null
      and audit.is_known_word(r.outcome, r.actor_kind)
      and (r.actor_id is null or case when ids_are_text
        then octet_length(r.actor_id) between 1 and audit.bound('text_characters')
        else audit.uuid_or_null(r.actor_id) is not null end),
    r.id, r.occurred_at, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context,
    r.outcome, r.actor_id, r.actor_kind
  from (
    select
      g.are_uuids,
      g.is_time,
      case when g.id is null then audit.new_id() when g.are_uuids then g.id::uuid end as id,
      case when g.occurred_at is null then clock_timestamp()
        when g.is_time then g.occurred_at::timestamptz end as occurred_at,
      g.user_id, g.event_id, g.target_id, g.action, g.entity_type, g.request_id,
      g.outcome, g.actor_id, g.actor_kind, g.more_targets,
      coalesce(g.metadata, '{}') as metadata, coalesce(g.context, '{}') as context,
      case when not is_plain and pg_column_size(g.metadata) < 16384 then g.metadata::text
        when g.metadata is null then '{}' end as printed_metadata,
      case when not is_plain and pg_column_size(g.context) < 16384 then g.context::text
        when g.context is null then '{}' end as printed_context
    from (
      select
        e.*,
        (e.id is null or e.id like '________-____-____-____-____________')
          and (ids_are_text
            or (e.user_id is null or e.user_id like '________-____-____-____-____________')
            and (e.event_id is null or e.event_id like '________-____-____-____-____________')
            and (e.target_id is null or e.target_id like '________-____-____-____-____________'))
          and octet_length(replace(e.ids, '-', ''))
            = 32 * case when ids_are_text then num_nonnulls(e.id)
              else num_nonnulls(e.id, e.user_id, e.event_id, e.target_id) end
          and e.ids !~ '[^0-9A-Fa-f-]' collate "C"
          as are_uuids,
        redacted or e.occurred_at is null
          or e.occurred_at ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?([+-][0-9]{2}(:[0-9]{2})?|Z)$'
          as is_time
      from (
        select r.*,
          case when ids_are_text then coalesce(r.id, '')
            else concat(r.id, r.user_id, r.event_id, r.target_id) end as ids
        from jsonb_to_recordset(entries) as r (
          id text, occurred_at text, user_id text, event_id text, target_id text,
          action text, entity_type text, request_id text, metadata jsonb, context jsonb,
          outcome text, actor_id text, actor_kind text, more_targets jsonb
        )
        offset 0
      ) as e
      offset 0
    ) as g
    offset 0
  ) as r
$$;
