import { allRefused, type Attack, unless } from './attack.ts'

/** Each shortens what billing.pay is kept for, in a way of its own. */
const SHORTENING: readonly (readonly string[])[] = [
  [`set_policy('billing.pay', '4 days')`],
  [`set_policy('billing.*', '4 days')`, `set_policy('billing.*', '4 days')`],
  [`set_policy('*', '5 days')`, `set_policy('*', '4 days')`, `set_policy('*', '5 days')`],
  [`set_policy('billing.pay', null)`, `set_policy('*', '4 days')`, `remove_policy('billing.pay')`],
  [
    `set_policy('billing.pay', '4 days')`,
    `set_policy('billing.pay', null)`,
    `remove_policy('billing.pay')`,
    `set_policy('billing.pay', '4 days')`,
  ],
  [
    `set_policy('billing.*', '100 years')`,
    `set_policy('billing.pay', '4 days')`,
    `remove_policy('billing.*')`,
    `remove_policy('billing.pay')`,
  ],
]

export const policies: readonly Attack[] = [
  {
    name: 'the grace of a policy, gone around by what is said before and after it',
    by: 'audit_keeper',
    async play(arena) {
      const keeper = arena.as('audit_keeper')
      const problems: string[] = []
      for (const calls of SHORTENING) {
        for (const call of calls) {
          await keeper.unsafe(`select * from audit.${call}`)
          const [row] = await arena.sql`
            select audit.keep_for('billing.pay', clock_timestamp() + interval '6.9 days')::text as keep`
          if (row?.['keep'] !== null) problems.push(`${call}: kept for ${row?.['keep']}`)
          await arena.moveAll()
        }
        await arena.sql`delete from audit.audit_policy`
      }
      return unless(problems, `kept through the grace, each of ${SHORTENING.length} ways`)
    },
  },
  {
    name: 'a policy for what says that something is missing',
    by: 'audit_keeper',
    play: (arena) =>
      allRefused(
        arena.as('audit_keeper'),
        [
          'audit.*',
          'audit.gap',
          'audit.policy',
          'audit.hold',
          'AUDIT.read',
          '.audit.gap',
          'аudit.*',
        ].map((actions) => `select * from audit.set_policy('${actions}', '4 days')`),
        ['22023'],
      ),
  },
  {
    name: 'drop a dead letter that a hold is about',
    by: 'audit_relay',
    async play(arena) {
      await arena.sql`
        insert into audit.audit_dead_letter (lane, origin, entry)
        select 'staging', 'record', e from unnest(array[
          '{"requestId": "r-1"}', '[{}, {"request_id": "r-1"}]', '{"request_id": "x", "request_id": "r-1"}',
          '{"request_id": "r-1", "request_id": "x"}', '{"request_id": "r-\\u0031"}', '{"request_id": "r-1'
        ]) as e`
      await arena.as('audit_keeper')`select audit.place_hold('x', request_id => 'r-1')`
      return await allRefused(
        arena.as('audit_relay'),
        [1, 2, 3, 4, 5, 6].map((number) => `select audit.drop_dead_letter(${number})`),
        ['55006'],
      )
    },
  },
]
