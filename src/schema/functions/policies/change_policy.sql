-- Changes the policy of some actions, or removes it. Says from when on that counts, and whether it is
-- anything new. What shortens nothing counts at once. Everything else counts after the grace; what
-- was said before and did not count yet is taken back at once where that shortens nothing either.
--
-- It shortens something where an action is kept for less, at any time before the grace is over, than it
-- would have been without the change. So the policies that step in for this one are compared as well,
-- and those that will count meanwhile. What shortens is never known for less than the grace.
CREATE OR REPLACE FUNCTION "audit"."change_policy"(
  "actions" text, "keep" interval, "removed" boolean,
  OUT "effective_at" timestamptz, OUT "is_new" boolean
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  patterns constant text[] := audit.patterns_of(actions);
  others constant text[] := array_remove(patterns, actions);
  said_at timestamptz;
  grace interval;
  last_said record;
  held record;
  shortens boolean;
  back_shortens boolean;
begin
  perform audit.require_new_snapshots();
  -- One change at a time, so that each is compared with all others. Reading goes on.
  lock table audit.audit_policy in share row exclusive mode;
  said_at := clock_timestamp(); -- not the transaction's own time: it may have begun long ago
  select r.grace into grace from audit.audit_retention as r;
  select t.* into last_said from audit.policy_times() as t
  where t.actions = change_policy.actions order by t.number desc limit 1;
  select t.* into held from audit.policy_times() as t
  where t.actions = change_policy.actions and t.counts_at <= said_at order by t.number desc limit 1;
  is_new := false;
  if removed and coalesce(last_said.removed, true)
    and last_said.number is not distinct from held.number
  then
    return; -- there is none, and none is coming
  end if;

  select bool_or(audit.is_shorter(
      case when removed then f.by_others else keep end, f.planned)),
    bool_or(audit.is_shorter(
      case when coalesce(held.removed, true) then f.by_others else held.keep end, f.planned))
  into shortens, back_shortens
  from (
    select audit.first_policy(patterns, moment.at) as planned,
      audit.first_policy(others, moment.at) as by_others
    from (
      select said_at as at
      union
      select t.counts_at from audit.policy_times() as t
      where t.actions = any(patterns) and t.counts_at > said_at and t.counts_at < said_at + grace
    ) as moment
  ) as f;

  if last_said.removed = removed
    and not audit.is_shorter(last_said.keep, keep) and not audit.is_shorter(keep, last_said.keep)
    and (shortens or last_said.number = held.number)
  then
    select p.effective_at into effective_at
    from audit.audit_policy as p where p.number = last_said.number;
    return; -- it was said already
  end if;
  is_new := true;
  if not shortens then
    effective_at := said_at;
  else
    effective_at := said_at + grace;
    if last_said.number is distinct from held.number and not back_shortens then
      perform audit.put_policy(
        actions, held.keep, coalesce(held.removed, true), said_at, said_at, 'taken back');
    end if;
  end if;
  perform audit.put_policy(
    actions, keep, removed, said_at, effective_at, case when removed then 'removed' else 'set' end);
end
$$;
