-- Says for how long the entries of some actions are kept: of one action, of all of an entity ("temp.*")
-- or of all that have no other policy ("*"). Null is forever. Returns from when on it counts: what
-- keeps more counts at once, what keeps less after the grace. "is_new" is false where that was
-- said already.
CREATE OR REPLACE FUNCTION "audit"."set_policy"(
  "actions" text, "keep" interval, OUT "effective_at" timestamptz, OUT "is_new" boolean
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  entity constant text := left(actions, -2);
begin
  if actions is null or char_length(actions) not between 1 and audit.bound('action_characters')
    or not (case
      when actions = '*' then true
      when actions like '%.*' then entity <> '' and entity !~ '[.*]'
      else position('*' in actions) = 0
    end)
  then
    raise exception 'a policy is for an action such as billing.pay, for billing.* or for *'
      using errcode = 'invalid_parameter_value';
  end if;
  if audit.is_reserved(actions) and actions <> 'audit.read' then
    raise exception 'the log''s own entries are kept forever: of those audit.read alone can have a policy'
      using errcode = 'invalid_parameter_value';
  end if;
  if not isfinite(keep) or extract(year from keep) < 0 or extract(month from keep) < 0
    or extract(day from keep) < 0 or extract(hour from keep) < 0 or extract(minute from keep) < 0
    or extract(second from keep) < 0 or audit.is_shorter(keep, interval '4 days')
    or keep > interval '100 years'
  then
    raise exception 'a policy keeps entries for 4 days to 100 years, or forever'
      using errcode = 'invalid_parameter_value';
  end if;
  select c.effective_at, c.is_new into effective_at, is_new
  from audit.change_policy(actions, keep, false) as c;
end
$$;
