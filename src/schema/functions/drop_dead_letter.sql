-- Deletes a dead letter and returns whether there was such a letter. In the same transaction it
-- records an entry that says which letter it was, why the log had refused it and which login
-- dropped it. It also counts the drop in the account of the letter's recorder.
CREATE OR REPLACE FUNCTION "audit"."drop_dead_letter"("letter" bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
  with dropped as (
    delete from audit.audit_dead_letter where number = letter returning *
  ),
  accounted as (
    insert into audit.audit_report as r (id, dropped)
    select d.recorder_id, '{"dead_letter": 1}' from dropped as d where d.recorder_id is not null
    on conflict (id) do update set dropped = r.dropped || jsonb_build_object(
      'dead_letter', coalesce((r.dropped ->> 'dead_letter')::bigint, 0) + 1)
  ),
  traced as (
    select audit.put_ours(
      'audit.dead_letter_drop', null,
      jsonb_build_object(
        'number', d.number, 'sqlstate', d.sqlstate, 'id', left(d.id, 256), 'lane', d.lane,
        'diedAt', d.died_at, 'recorderId', d.recorder_id, 'writtenBy', d.written_by
      ),
      jsonb_build_object('databaseLogin', session_user)
    )
    from dropped as d
  )
  select exists (select from traced)
$$;
