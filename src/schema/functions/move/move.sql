-- Takes the next entries from a lane and appends them to the log. The relay calls it in autocommit,
-- so no entry is ever in both or in neither, even if a process dies at any moment.
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
--   into the lane first. Behind a full batch it does not: as a rule there is more, and the look would
--   step over the dead rows of all batches before.
-- - An asynchronous commit could lose a batch on both sides: the fast lane is UNLOGGED, and the log
--   would not be flushed. A SET clause of the function would not do, because its setting ends with
--   the function, before the commit.
-- - One relay moves at a time, because two that meet at the head would only delay each other. The
--   relay that moves holds the row of audit_head, and of audit_turn row 0; both locks end with the
--   statement, so when a relay dies, another one goes on at its next poll. Moves in turn share row
--   0, and each takes the row of audit_turn that stands for its turn_head. They are locks of rows,
--   and not advisory locks, because everybody who may connect can take an advisory lock.
-- - Rows in places are moved while another relay moves, too: then the function waits for the head.
-- - The batch is moved by one statement, that of audit.take_from_staging, audit.take_from_outbox or
--   audit.take_from_import.
--   Its snapshot is newer than the lock of the head, so it sees every entry that any other relay has
--   logged.
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
  is_waiting boolean;
  head_before bigint;
  recorders uuid[];
  entries bigint[];
  last_numbers bigint[];
  late_ids uuid[];
  others audit.audit_outbox[];
begin
  if lane is null or lane not in ('staging', 'outbox', 'import') then
    raise exception 'audit.move knows the lanes staging, outbox and import'
      using errcode = 'invalid_parameter_value';
  end if;
  select 0, 0, 0, false into claimed, logged, parked, stood_back;
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  if from_place is null and lane = 'staging' then
    is_waiting := exists (select from audit.audit_staging);
  elsif from_place is null and lane = 'outbox' then
    is_waiting := exists (select from audit.audit_outbox);
  elsif from_place is null then
    is_waiting := exists (select from audit.audit_import);
  else
    is_waiting := true;
  end if;
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

  if lane = 'staging' then
    select t.* into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
    from audit.take_from_staging(batch_entries, from_place::tid, places::tid[], head_before) as t;
  elsif lane = 'outbox' then
    select t.* into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
    from audit.take_from_outbox(batch_entries, from_place::tid, places::tid[], head_before) as t;
  else
    select t.* into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
    from audit.take_from_import(batch_entries, from_place::tid, places::tid[], head_before) as t;
  end if;
  if others is not null then
    parked := audit.park_others(lane, others);
  end if;
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
  if late_ids is not null then
    perform audit.note_late(late_ids, head_before);
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
