import { randomUUID } from 'node:crypto'
import { BacklogReader } from '../../relay/telemetry/backlog.ts'
import { readStatus } from '../../relay/index.ts'
import { auditRelay } from '../support/commands.ts'
import { openDatabase, silentLogger } from '../support/lanes.ts'
import { refusalOf } from '../support/logins.ts'
import type { Arena } from './arena.ts'
import { allRefused, type Attack, held, succeeded, unless } from './attack.ts'
import { KEY, put } from './doors.ts'

const report = (more: {
  readonly recorder?: string
  readonly key?: string
  readonly accepted?: string
  readonly staged?: string
  readonly dropped?: string
  readonly startedAt?: string
}) => {
  const { recorder = randomUUID(), key = KEY, accepted = '1', staged = '1' } = more
  const { dropped = '{}', startedAt = 'now' } = more
  return `select audit.report('${recorder}', '${key}', '${startedAt}', ${accepted}, ${staged}, '${dropped}', false)`
}

const NO_REPORTS = [
  ...['{"boom":"x"}', '[]', '"x"', '7', 'null', 'true', '{"timeout":"x"}', '{"full":"NaN"}'],
  ...['{"full":null}', '{"full":[1]}', '{"full":{"n":1}}', '{"full":1.5}', '{"full":-1}'],
  ...['{"full":1e131071}', '{"full":1e-16383}', '{"full":9007199254740992}', '{"full":true}'],
  ...['{"Full":1}', '{"full ":1}', '{"":1}', '{"dead_letter":1}', '{"__proto__":1}'],
  ...['{"\\u001b[2J":1}', '{"full\\nlane_depth 0":1}', '{"a\\"}":1}'],
  JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`r${n}`, 1]))),
].map((dropped) => report({ dropped }))

const NO_NUMBERS = [
  ...['-1', '9223372036854775807', '9007199254740992', 'null'].flatMap((count) => [
    report({ accepted: count }),
    report({ staged: count }),
  ]),
  ...['infinity', '-infinity', '4713-01-01 BC', '10001-01-01'].map((startedAt) =>
    report({ startedAt }),
  ),
  ...['', 'short', 'x'.repeat(300)].map((key) => report({ key })),
]

/** The log can still be read. */
async function watched(arena: Arena): Promise<readonly string[]> {
  const problems: string[] = []
  const backlog = new BacklogReader(arena.urlAs('audit_relay'), silentLogger())
  const seen = await backlog.read()
  await backlog.close()
  if (seen === undefined) problems.push('the metrics are gone')
  const db = openDatabase(arena.t, arena.urlAs('audit_relay'))
  await readStatus(db).catch((error: unknown) => problems.push(`status failed: ${error}`))
  return problems
}

export const recorders: readonly Attack[] = [
  {
    name: `${NO_REPORTS.length + NO_NUMBERS.length} reports that hide what happens`,
    by: 'audit_app',
    async play(arena) {
      const refused = await allRefused(
        arena.as('audit_app'),
        [...NO_REPORTS, ...NO_NUMBERS],
        ['22023', '22003', '22P02'],
      )
      return refused.isHeld ? unless(await watched(arena), refused.what) : refused
    },
  },
  {
    name: 'the largest counts that a report may hold, a hundred times',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      const most = '9007199254740991'
      const dropped = JSON.stringify(
        Object.fromEntries(
          [
            'full',
            'unshapable',
            'reserved',
            'closed',
            'reentrant',
            'disabled',
            'timeout',
            'refused',
          ].map((reason) => [reason, 0.5]),
        ),
      ).replaceAll('0.5', most)
      for (let n = 0; n < 100; n += 1) {
        await app.unsafe(report({ accepted: most, staged: most, dropped }))
      }
      await arena.moveAll()
      return unless(await watched(arena), 'metrics and status add them up')
    },
  },
  {
    name: "another recorder's account, by its id",
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      const recorder = randomUUID()
      await put(app, 'stage', [{}], recorder)
      const outcome = await allRefused(arena.as('audit_app'), [
        ...['the key of another one', `${KEY} `, KEY.toUpperCase(), `${KEY}\u200b`].flatMap(
          (key) => [
            report({ recorder, key, accepted: '1000000', staged: '3' }),
            `select audit.stage('${recorder}', '${key}', array['[]'])`,
          ],
        ),
        `select audit.stage('${recorder.toUpperCase()}', 'the key of another one', array['[]'])`,
        `select audit.claim_recorder('${recorder}', '${KEY}')`,
        `select * from audit.audit_report`,
        `update audit.audit_report set accepted = 0`,
      ])
      await arena.moveAll()
      const [row] = await arena.sql`select accepted::integer, logged::integer
        from audit.audit_report join audit.audit_recorder using (id)`
      if (row?.['accepted'] !== 0 || row['logged'] !== 1) return succeeded('its account changed')
      return outcome
    },
  },
  {
    name: 'two sessions claim one new recorder at once',
    by: 'audit_app',
    async play(arena) {
      const [one, other] = [arena.as('audit_app'), arena.as('audit_app')]
      const recorder = randomUUID()
      const claims = [one, other].map((app, n) =>
        refusalOf(app.unsafe(report({ recorder, key: `the key of session ${n}` }))),
      )
      const codes = (await Promise.all(claims)).map((refusal) => refusal?.code ?? 'taken')
      return codes.sort().join() === '42501,taken'
        ? held('one has it, 42501')
        : succeeded(codes.join())
    },
  },
  {
    name: 'escapes for the terminal, in dead letters and status',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      const evil = '\u001b[2J\u001b]0;mine\u0007\r\n\u202e\u009b31m\u2028'
      await put(app, 'record', [{ action: `audit.${evil}`, id: evil, entity_type: evil }])
      await put(app, 'stage', [
        { action: null, entity_type: evil, metadata: JSON.stringify({ evil }) },
      ])
      await app`select audit.record(${evil}::text)`
      const url = arena.urlAs('audit_relay')
      const outputs = await Promise.all(
        [
          ['dead-letters', 'list'],
          ['dead-letters', 'show', '1'],
          ['dead-letters', 'show', '3'],
          ['status'],
        ].map((args) => auditRelay(args, { url })),
      )
      const problems = outputs.flatMap(({ stdout, stderr }) =>
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/.test(stdout + stderr)
          ? [`raw: ${JSON.stringify(stdout + stderr).slice(0, 200)}`]
          : [],
      )
      return unless(problems, 'escaped by list, show and status')
    },
  },
  {
    name: '2,000 recorders that never were',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      for (let n = 0; n < 20; n += 1) {
        await app.unsafe(`
          select audit.report(gen_random_uuid(), '${KEY}', now(), 1, 0, '{}', false)
          from generate_series(1, 100)`)
      }
      const beganMs = performance.now()
      const problems = await watched(arena)
      const tookMs = Math.round(performance.now() - beganMs)
      return unless(
        tookMs > 5_000 ? [...problems, `looking took ${tookMs} ms`] : problems,
        'metrics and status stay bounded',
      )
    },
  },
]
