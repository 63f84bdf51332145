-- Takes the next entries from a lane and appends them to the log. The relay calls it in autocommit,
-- so no entry is ever in both or in neither, whatever process dies at whatever moment.
--
-- - lock_timeout_ms bounds each wait for a lock, in milliseconds.
-- - from_place: take only rows at this place in the lane or behind it. Each batch leaves dead rows
--   behind that every look at the lane steps over, so the next batch begins where this one ended.
-- - places: an array of places in the lane, as text. Take only the rows at these places.
-- - turn_head, turn_after: the place of a move among those of one relay that are under way at once.
--   It counts on the head to stand at turn_head when the move in front, whose own turn_head is
--   turn_after, has committed. The first move in turn has no turn_after.
--
-- It returns how many rows left the lane, how many entries are new in the log, how many became dead
-- letters, where it left the head of the log (null where nothing was logged), whether it stood back
-- because another relay moves, and the place of the last row that it took.
--
-- - An idle poll takes no transaction id: a lock of a row would take one, so the function looks
--   into the lane first.
-- - An asynchronous commit could lose a batch on both sides: the fast lane is UNLOGGED, and the log
--   would not be flushed. A SET clause of the function would not do, because its setting ends with
--   the function, before the commit.
-- - One relay moves at a time, because two that meet at the head would only hold each other up. The
--   relay that moves holds the row of audit_head, and of audit_turn row 0; both locks end with the
--   statement, so when a relay dies, another one goes on at its next poll. Moves in turn share row
--   0, and each takes the row of audit_turn that stands for its turn_head. They are locks of rows,
--   and not advisory locks, because everybody who may connect can take an advisory lock.
-- - Rows in places are moved while another relay moves, too: then the function waits for the head.
-- - The batch is moved by one statement. Its snapshot is newer than the lock of the head, so it
--   sees every entry that any other relay has logged.
-- - "claimed" skips rows that another session holds, and never waits. It is not ordered: ordering a
--   backlog costs three times the move, and the log's order comes from the head. Rows are found by
--   their place, because a lane has no index to keep.
-- - "fresh" leaves out what is in the log already and all but one of what came twice in this batch.
-- - "logged" has no ON CONFLICT: a skipped row would leave a hole in seq. Where another session
--   logs one of the ids meanwhile, 23505 rolls all of it back, and the batch is moved again. The
--   rows are inserted in the order of their ids, so that two moves cannot deadlock.
-- - "parked" takes what the log's checks would refuse, and an id that came again with another
--   content. It looks only where some row was not fresh. An entry that was staged again is no
--   second letter, because its recorder's account would count it twice. A letter that cannot be
--   written for another reason fails the move, so no entry vanishes.
-- - The statement is dynamic SQL, so Postgres plans it for these parameters each time. A kept plan
--   that was made while a partition was empty would read the whole partition from then on.
-- - A move in turn has written its entries when it waits for the move in front, so that most of the
--   work of several moves is done at once. After the wait the head has to stand at turn_head. If
--   it stands elsewhere, the function fails and nothing was logged under a wrong number.
-- - The head's row is locked until the commit, which makes seq the commit order. A head that did
--   not change is not written. The recorders' accounts come after the head, in the order of their
--   ids, so that moves cannot deadlock there.
CREATE OR REPLACE FUNCTION "audit"."move"(
  "lane" text, "batch_entries" integer, "lock_timeout_ms" integer,
  "from_place" text, "places" text, "turn_head" bigint, "turn_after" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "parked" integer, OUT "head" bigint,
  OUT "stood_back" boolean, OUT "through" text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  -- The log's own checks, asked beforehand of a row m of a lane.
  fits_the_log constant text := $fits$(
        coalesce(char_length(m.action) between 1 and 128, false)
        and coalesce(char_length(m.entity_type) between 1 and 256, true)
        and coalesce(char_length(m.request_id) between 1 and 256, true)
        and coalesce(jsonb_typeof(m.metadata) = 'object', true)
        and coalesce(jsonb_typeof(m.context) = 'object', true)
      )$fits$;
  -- What a row says. Which recorder brought it is no difference.
  content constant text := $content$(
        #.occurred_at, #.user_id, #.event_id, #.target_id, #.action, #.entity_type,
        #.request_id, coalesce(#.metadata, '{}'), coalesce(#.context, '{}'))$content$;
  is_waiting boolean;
  head_before bigint;
  recorders uuid[];
  entries bigint[];
  last_numbers bigint[];
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.move knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  select 0, 0, 0, false into claimed, logged, parked, stood_back;
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  execute format('select exists (select from audit.audit_%s where $1 is null or ctid >= $1)', lane)
  into is_waiting using from_place::tid;
  if not is_waiting then
    return;
  end if;

  if places is not null then
    select h.seq into head_before from audit.audit_head as h for no key update;
  elsif turn_head is null then
    select h.seq into head_before
    from audit.audit_head as h, audit.audit_turn as t
    where t.turn = 0
    for no key update skip locked;
  else
    select turn_head into head_before
    from audit.audit_turn as t where t.turn = 0 for share skip locked;
    if found then
      select turn_head into head_before
      from audit.audit_turn as t
      where t.turn = 1 + turn_head % 4093 for no key update skip locked;
    end if;
    if found and turn_after is null then
      select turn_head into head_before
      from audit.audit_head as h where h.seq = turn_head for no key update skip locked;
    elsif found then
      select turn_head into head_before from audit.audit_head as h where h.seq <= turn_head;
    end if;
  end if;
  if not found then
    if not exists (select from audit.audit_head)
      or (select count(*) from audit.audit_turn as t
          where t.turn = 0 or t.turn = 1 + coalesce(turn_head, 0) % 4093) < 2 then
      raise exception 'audit.audit_head or audit.audit_turn has lost its rows: nothing can be moved'
        using errcode = 'no_data_found', schema = 'audit', table = 'audit_head';
    end if;
    stood_back := true;
    return;
  end if;

  execute format($move$
    with claimed as materialized (
      select l.ctid from audit.audit_%1$s as l
      where ($2 is null or l.ctid >= $2) and ($3 is null or l.ctid = any($3))
      limit $1
      for update of l skip locked
    ),
    moved as (
      delete from audit.audit_%1$s where ctid = any(array(select ctid from claimed))
      returning
        id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
        entity_type, request_id, metadata, context
    ),
    fresh as materialized (
      select distinct on (m.id) m.* from moved as m
      where %2$s and not exists (select from audit.audit_log as l where l.id = m.id)
      order by m.id
    ),
    total as materialized (
      select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
    ),
    logged as (
      insert into audit.audit_log (
        id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
        entity_type, request_id, metadata, context, seq
      )
      select
        f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
        f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
        $4 + row_number() over (order by f.id)
      from fresh as f
      order by f.id
    ),
    parked as (
      insert into audit.audit_dead_letter (
        lane, sqlstate, reason, id, recorder_id, recorder_seq, entry
      )
      select
        '%1$s', case when %2$s then '23505' else '23514' end,
        case when %2$s
          then 'the id is in the log with another content'
          else 'a column breaks a check of the log'
        end,
        m.id::text, m.recorder_id, m.recorder_seq, row_to_json(m)::text
      from moved as m
      left join audit.audit_log as l on l.id = m.id
      left join fresh as f on f.id = m.id
      where (select fresh < claimed from total)
        and (
          not %2$s
          or l.id is not null and %3$s is distinct from %5$s
          or f.id is not null and %4$s is distinct from %5$s
        )
      on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))
        where recorder_id is not null do nothing
      returning 1
    ),
    accounts as (
      select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
      from fresh as f where f.recorder_id is not null group by f.recorder_id
    )
    select
      (select claimed from total), (select fresh from total), (select count(*) from parked),
      (select max(ctid)::text from claimed),
      array_agg(a.recorder_id order by a.recorder_id),
      array_agg(a.entries order by a.recorder_id),
      array_agg(a.last_number order by a.recorder_id)
    from accounts as a
    $move$,
    lane, fits_the_log,
    replace(content, '#', 'l'), replace(content, '#', 'f'), replace(content, '#', 'm'))
  into claimed, logged, parked, through, recorders, entries, last_numbers
  using batch_entries, from_place::tid, places::tid[], head_before;
  if logged = 0 then
    return;
  end if;

  if turn_after is not null then
    perform 1 from audit.audit_turn as t where t.turn = 1 + turn_after % 4093 for share;
  end if;
  update audit.audit_head as h set seq = head_before + logged where h.seq = head_before
  returning h.seq into head;
  if not found then
    raise exception
      'audit-outbox: not an error; numbers up to % are taken, the batch is moved again',
      (select h.seq from audit.audit_head as h)
      using errcode = 'invalid_text_representation';
  end if;
  if recorders is not null then
    insert into audit.audit_recorder as r (id, logged, logged_through)
    select a.id, a.entries, a.last_number
    from unnest(recorders, entries, last_numbers) as a (id, entries, last_number)
    on conflict (id) do update set
      logged = r.logged + excluded.logged,
      logged_through = greatest(r.logged_through, excluded.logged_through);
  end if;
end
$$;
