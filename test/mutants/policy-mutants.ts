import type { Mutant } from './mutant.ts'

// The migration and not src/schema/functions, because a database is made from the migration.
const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const POLICIES = 'policies.test.ts'
const HOLDS = 'holds.test.ts'

const mutant = (
  name: string,
  [find, replace]: readonly [string, string],
  file: string,
  test: string,
): Mutant => ({ name, edits: [{ file: FUNCTIONS, find, replace }], file, test })

const FIRST = 'the first policy counts after seven days, and the most exact one holds'
const ROUNDABOUT = 'what shortens in a roundabout way counts after the grace, too'
const AROUND = 'nobody gets around the grace by what was said before'
const CONDITION = 'a hold holds what meets its condition, wherever the id stands, and nothing else'
const TIME = 'a time holds what happened in it and what was recorded in it, its end left out'
const UNREADABLE = 'a dead letter that cannot be read is held by any hold'
const LETTER = 'a dead letter that a hold is about cannot be dropped'

export const POLICY_MUTANTS: readonly Mutant[] = [
  mutant(
    'a policy that keeps less counts at once',
    ['effective_at := said_at + grace;', 'effective_at := said_at;'],
    POLICIES,
    FIRST,
  ),
  mutant(
    'the least exact policy holds',
    ['order by one.place limit 1', 'order by one.place desc limit 1'],
    POLICIES,
    FIRST,
  ),
  mutant(
    'a policy for * also takes what says that something is missing',
    ["when split_part(action, '.', 1) = 'audit' then '{}'", "when action = '' then '{}'"],
    POLICIES,
    FIRST,
  ),
  mutant(
    'what steps in for a removed policy is not compared',
    ['array_remove(patterns, actions)', 'patterns'],
    POLICIES,
    ROUNDABOUT,
  ),
  mutant(
    'what will count meanwhile is not compared',
    ['t.counts_at > said_at and t.counts_at < said_at + grace', 'false'],
    POLICIES,
    AROUND,
  ),
  mutant(
    'what was said before still comes to count',
    ['is distinct from held.number and not back_shortens then', 'is null and true then'],
    POLICIES,
    AROUND,
  ),
  mutant(
    'what was said before is taken back though that shortens something',
    [
      'is distinct from held.number and not back_shortens then',
      'is distinct from held.number then',
    ],
    POLICIES,
    'what will keep more is not taken back before the grace is over',
  ),
  mutant(
    'a month is 30 days',
    ['select bool_or(day - keep > day - other)', 'select bool_or(keep < other)'],
    POLICIES,
    'a month for 30 days can be less, and so can 30 days for a month',
  ),
  mutant(
    'the grace begins before the change is in the log',
    [
      'select greatest(p.effective_at, l.logged_at + (p.effective_at - p.set_at))',
      'select p.effective_at',
    ],
    POLICIES,
    'the grace begins when the change is in the log',
  ),
  mutant(
    'a policy is what it was when the transaction began',
    [
      '"at" timestamptz DEFAULT clock_timestamp(), OUT "actions" text',
      '"at" timestamptz DEFAULT now(), OUT "actions" text',
    ],
    POLICIES,
    'what counts at once counts for a transaction that has begun',
  ),
  ...(['user', 'event', 'target', 'request'] as const).map((field) =>
    mutant(
      `a hold by ${field} holds everything`,
      [`(h.${field}_id is null or h.${field}_id = any(${field}s))`, 'true'],
      HOLDS,
      CONDITION,
    ),
  ),
  mutant(
    'a hold by user leaves out what the user did as the actor',
    ['array[user_id, actor_id]', 'array[user_id]'],
    HOLDS,
    CONDITION,
  ),
  mutant(
    'a hold by target leaves out further targets',
    ['target_id || more_targets, array[request_id]', 'array[target_id], array[request_id]'],
    HOLDS,
    CONDITION,
  ),
  mutant(
    'a released hold still holds',
    ['where h.released_at is null\n      and (h.user_id', 'where (h.user_id'],
    HOLDS,
    CONDITION,
  ),
  mutant(
    'a hold by time leaves out what was recorded in it',
    ['array[occurred_at, audit.id_time(id)]', 'array[occurred_at]'],
    HOLDS,
    TIME,
  ),
  mutant(
    "a hold's last instant is in it",
    ["h.to_at, '[)') @> any(times)", "h.to_at, '[]') @> any(times)"],
    HOLDS,
    TIME,
  ),
  mutant(
    'a hold by time alone holds everything',
    ['num_nonnulls(h.from_at, h.to_at) = 0\n        or tstzrange', 'true\n        or tstzrange'],
    HOLDS,
    TIME,
  ),
  mutant(
    'a dead letter that cannot be read is dropped',
    ['hold := (select h.id from audit.holds_in_force() as h limit 1);', 'hold := null;'],
    HOLDS,
    UNREADABLE,
  ),
  mutant(
    'of several entries of a dead letter the first one is looked at',
    [
      '        return;\n      end if;\n    end loop;',
      '        return;\n      end if;\n      exit;\n    end loop;',
    ],
    HOLDS,
    LETTER,
  ),
  mutant(
    'a dead letter is dropped while a hold is being placed',
    ['lock table audit.audit_hold in share mode; --', '--'],
    HOLDS,
    'who drops a letter waits for a hold that is being placed, and the other way round',
  ),
  mutant(
    'a dead letter is dropped by a transaction that cannot see new holds',
    [
      'perform audit.require_new_snapshots();\n  lock table audit.audit_hold',
      'lock table audit.audit_hold',
    ],
    HOLDS,
    'a transaction with an old snapshot drops no letter',
  ),
]
