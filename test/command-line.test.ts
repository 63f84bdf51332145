import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { CliCommand } from '../relay/cli/command/cli-command.ts'
import { helpWidth } from '../relay/cli/command/help.ts'
import { treeOf } from '../relay/cli/command/misuse.ts'
import { VARIABLES } from '../relay/cli/command/variables.ts'
import { explainFailure } from '../relay/cli/failure.ts'
import { createProgram, execute } from '../relay/cli/program.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const program = createProgram({ environment: {}, end() {} })
const all = treeOf(program)

/** What the process would print and exit with. */
async function failureOf(args: readonly string[], environment: Record<string, string> = {}) {
  try {
    await execute(args, { DATABASE_URL: 'postgres://127.0.0.1:1/x', ...environment })
  } catch (error) {
    return await explainFailure(error, args)
  }
  assert.fail(`${args.join(' ')} was accepted`)
}

const LONG = 'x'.repeat(10_000)
const MISUSES: readonly (readonly [string, string])[] = [
  // what is not there: the nearest, or what there is
  ['statsu', 'Unknown command "statsu". Did you mean "status"?'],
  ['fly', 'Unknown command "fly". Commands: run, status, doctor, dev, dead-letters, recover, '],
  ['policy set temp.* --keep soon', '--keep must be 4 days to 100 years'],
  ['policy set temp.* --keep 3days', '--keep must be 4 days to 100 years'],
  ['policy set temp.* --keep 101years', '--keep must be 4 days to 100 years'],
  ['policy set temp.*', 'Say for how long: --keep "30 days", or --keep forever.'],
  ['policy set a* --keep 5days', 'A policy is for an action such as billing.pay, for billing.*'],
  ['policy set audit.gap --keep 5days', 'of those audit.read alone can have a policy'],
  ['search on --since soon', '--since must be a date or time such as 2026-05-01'],
  ['search on --since seq:0', 'or seq:4711, got "seq:0"'],
  ['policy remove', '"remove" needs an operand: policy remove <actions>.'],
  ['hold place --user 7', 'Say why: --reason "case 2026-114".'],
  ['hold place --reason x', 'Say what is held: give --user, --event, --target, --request, --from'],
  ['hold place --reason x --from 2026-01-02 --to 2026-01-02', '--from must be before --to'],
  [`hold place --user 7 --reason ${'x'.repeat(1_001)}`, '--reason must have 1 to 1000 characters'],
  ['hold release 7', 'The id of a hold is a UUID, as "hold list" prints it, got "7".'],
  ['dead-letters burn', 'Unknown command "burn". Commands: list, show, retry, drop.'],
  ['--onec', 'Unknown option "--onec". Did you mean "--once"?'],
  ['run --onec', 'Unknown option "--onec". Did you mean "--once"?'],
  ['export --out x --from-sek 1', 'Unknown option "--from-sek". Did you mean "--from-seq"?'],
  ['export --t 1', 'Unknown option "--t". Did you mean "--to"?'],
  ['--forever', 'Unknown option "--forever".'],
  ['status -x', 'Unknown option "-x".'],
  // what is there, but not here
  ['status --once', '--once does not go with "status": it is an option of "run", "seal".'],
  ['run --json', '"status", "doctor", "dead-letters list" and '],
  [
    'dead-letters --yes drop 1',
    '--yes goes after the name of a command: "dead-letters drop --yes"',
  ],
  ['dead-letters list --all', 'with "dead-letters list": it is an option of "dead-letters retry".'],
  ['status --max-lag 5s', '--max-lag goes with --check only: add --check, or leave --max-lag out.'],
  ['status --check --max-lag soon', '--max-lag must be a time from 1ms to 596h'],
  ['doctor --json --sql', 'Give --json or --sql, not both.'],
  ['doctor --only lock', '--only knows no finding "lock". Did you mean "clock"?'],
  ['doctor --only', '--only needs a value: --only <kind>.'],
  ['dev --port 70000', '--port must be a whole number from 0 to 65535, got "70000".'],
  // operands
  ['status now', 'Unexpected "now": "status" takes options only.'],
  ['--once run', 'Unexpected "run": "run" takes options only.'],
  ['verify-export', '"verify-export" needs an operand: verify-export <file>.'],
  ['verify-export a b', 'Unexpected "b": verify-export <file>.'],
  ['dead-letters list 3', 'Unexpected "3"'],
  ['dead-letters show', '"show" needs an operand: dead-letters show <number>.'],
  ['dead-letters show 1 2', 'Unexpected "2"'],
  ['dead-letters drop --yes', 'needs an operand: dead-letters drop <numbers...>.'],
  ['dead-letters drop x --yes', 'must be a whole number of at least 1, got "x".'],
  ['dead-letters show 0', 'The number of a dead letter must be a whole number of at least 1'],
  ['dead-letters retry', '"retry" needs numbers, or --all.'],
  ['dead-letters retry 1 --all', 'Give numbers or --all, not both.'],
  ['dead-letters drop 1', '"drop" deletes for good: confirm with --yes.'],
  // values, with the bound and what was given
  ['--once --max-rows', '--max-rows needs a value: --max-rows <n>.'],
  ['--once --max-rows -1', '--max-rows must be a whole number of at least 1, got "-1".'],
  ['--once --max-rows 1e3', 'got "1e3".'],
  ['--once --max-rows 9007199254740993', 'got "9007199254740993".'],
  [
    '--once --deadline soon',
    '--deadline must be a time from 1ms to 596h, such as 500ms, 30s or 5m',
  ],
  ['--once --deadline 0s', 'got "0s".'],
  ['--once --deadline 597h', 'got "597h".'],
  ['--deadline 5s', '--deadline goes with --once only'],
  ['--max-rows 5', '--max-rows goes with --once only'],
  ['dead-letters list --limit 0', '--limit must be a whole number from 1 to 10000, got "0".'],
  ['dead-letters list --limit 10001', 'from 1 to 10000, got "10001".'],
  ['history', '"history" needs an operand: history <target>.'],
  ['history x --at soon', '--at must be a time such as 2026-11-22 or 2026-11-22T14:00Z'],
  ['history x --limit 501', '--limit must be a whole number from 1 to 500, got "501".'],
  ['export', 'Give --out <file>, or --out - for standard output.'],
  ['export --out --force', '--out needs a value, got the option "--force".'],
  ['export --force --out=', '--out needs a value, got "".'],
  [
    'export --out x --format xml',
    '--format must be one of ndjson, csv, ocsf, cloudevents, got "xml"',
  ],
  ['export --out x --from 2026-02-30', '--from must be a time such as 2026-11-22,'],
  ['export --out x --from 2026-02-02 --to 2026-02-01', '--from must be before --to'],
  ['export --out x --from-seq 2 --to-seq 1', '--from-seq must not be above --to-seq'],
  ['export --out x --metadata [1]', '--metadata must be a JSON object'],
  ['export --out x --metadata {', '--metadata must be a JSON object'],
  [`export --out x --event ${'x'.repeat(257)}`, '--event must be 1 to 256 characters of one line'],
  ['migrate --ids int', '--ids must be one of uuid, text, got "int".'],
  ['migrate --rewrite', '--rewrite goes with --ids text.'],
  ['migrate --ids text --yes', '--yes goes with --rewrite.'],
  ['export --out x --resume --gzip', '--resume cannot be used with --gzip.'],
  ['export --out x --format ndjson --resume', '--resume cannot be used with --format.'],
  ['export --out x --byte-order-mark', '--byte-order-mark is for --format csv.'],
  ['export --out x --byte-order-mark --resume', '--resume cannot be used with'],
  ['export --out - --json', '--json goes to standard output: give a file.'],
  ['export --out - --about x', '--about makes more than one file: give --out <file>.'],
  ['export --out x --about x --format ocsf', '--about is for --format ndjson and csv.'],
  ['export --out x --about x --resume', '--resume cannot be used with --about.'],
  ['export --out x --no-dead-letters', '--no-dead-letters goes with --about.'],
  ['export --out - --resume', 'Standard output cannot be resumed'],
  [`export --out x --from ${LONG}`, 'xxx...'],
  [`status ${LONG}`, 'xxx..."'],
  ['status --json=yes', '--json takes no value.'],
  // a secret that was typed where it does not belong
  ['status --url=postgres://app:canary@db/x', 'Unknown option "--url".'],
  ['status postgres://app:canary@db/x', 'Unexpected "postgres://...@db/x"'],
  ['postgres://app:canary@db/x', 'Unknown command "postgres://...@db/x".'],
]

test('wrong usage says what is wrong, with which value, and where the help is', async () => {
  for (const [line, message] of MISUSES) {
    const failure = await failureOf(line.split(' '))
    assert.equal(failure?.exitCode, 2, line)
    assert.ok(failure.text.startsWith('audit-relay: '), line)
    assert.ok(failure.text.includes(message), `${line.slice(0, 80)}: ${failure.text}`)
    assert.match(failure.text, /\nSee "audit-relay( [a-z -]+)? --help"\.\n$/)
    assert.ok(failure.text.length < 400, 'it can be read at a glance')
    assert.doesNotMatch(failure.text, /canary|error:/)
  }
})

test('the help that an error points to is that of the command', async () => {
  for (const [line, command] of [
    ['fly', 'audit-relay'],
    ['--onec', 'audit-relay run'],
    ['export --out', 'audit-relay export'],
    ['dead-letters burn', 'audit-relay dead-letters'],
    ['dead-letters show x', 'audit-relay dead-letters show'],
  ] as const) {
    const failure = await failureOf(line.split(' '))
    assert.ok(failure?.text.endsWith(`See "${command} --help".\n`), failure?.text)
  }
})

test('an error that nobody expected keeps its stack', async () => {
  assert.equal(await explainFailure(new TypeError('a bug'), ['status']), undefined)
})

const nameOf = (command: Command) => command.helpInformation().split('\n', 1)[0] ?? ''

test('the help of each command fits 100 columns and names all that it takes', () => {
  assert.ok(all.length > 10)
  for (const command of all) {
    const help = command.helpInformation()
    assert.deepEqual(
      help.split('\n').filter((line) => line.length > 100),
      [],
      nameOf(command),
    )
    for (const { flags } of command.options) assert.ok(help.includes(flags), `${help}${flags}`)
    for (const inner of command.commands) {
      assert.match(help, new RegExp(`^ {2}${inner.name()}\\b.* {2}\\S`, 'm'))
    }
    if (command.commands.length > 0) continue
    for (const heading of ['Options:', 'Examples:', 'Exit codes:']) {
      assert.ok(help.includes(`\n${heading}\n`), `${nameOf(command)}: ${heading}`)
    }
  }
})

test('an option that takes a number or a time says its bounds', () => {
  const bounded = all
    .flatMap(({ options }) => options)
    .filter(({ flags }) => /<(?:n|time)>$/.test(flags))
  assert.ok(bounded.length >= 7)
  for (const { flags, description } of bounded) {
    assert.match(description, /; \d+ (?:to \d+|or more)$|at most 596h|2026-11-22T14:00Z$/, flags)
  }
})

test('the help of all names every variable, and each is read by a command', () => {
  const help = program.helpInformation()
  const read = new Set(
    all.flatMap((command) =>
      command instanceof CliCommand ? (command.texts.variables ?? []) : [],
    ),
  )
  assert.deepEqual([...read].sort(), Object.keys(VARIABLES).sort())
  for (const variable of read) assert.match(help, new RegExp(`^ {2}${variable} +\\S`, 'm'))
  assert.match(
    help,
    /AUDIT_BATCH_ENTRIES +entries moved in one statement; 1 to 50000 \(default: 4000\)/,
  )
})

test('a narrow terminal has its help wrapped, a wide one not wider than 100', () => {
  assert.deepEqual([60, 300, 0, undefined].map(helpWidth), [60, 100, 100, 100])
})

/** Commands and options on a line that is no commander's and no command of ours, if any. */
function unknownOn(line: string): string | undefined {
  const words = line.split(/\s+/)
  let command: Command = program
  for (const word of words) {
    const inner: Command | undefined = command.commands.find((one) => one.name() === word)
    if (inner) command = inner
    else if (word === 'help') return undefined
    else break
  }
  // Options alone are those of "run".
  if (command === program) command = program.commands[0] ?? program
  const known = ['--help', '--version', ...command.options.map(({ long }) => long)]
  const end = words.indexOf('--') // what follows is a command of somebody else's
  const own = end < 0 ? words : words.slice(0, end)
  return own.filter((word) => word.startsWith('--')).find((word) => !known.includes(word))
}

test('the examples of the help are command lines that it accepts', () => {
  const examples = all.flatMap((command) =>
    command instanceof CliCommand ? Object.values(command.texts.examples ?? {}) : [],
  )
  assert.ok(examples.length > 8)
  for (const example of examples) {
    const [, line] = /(?:^|\s)audit-relay (?<line>[^|>]+)/.exec(example) ?? []
    assert.equal(unknownOn(line ?? '--none'), undefined, example)
  }
})

test('what the documents say of commands is what there is', () => {
  const documents = [
    ...readdirSync(ROOT).filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md'),
    ...readdirSync(path.join(ROOT, 'relay'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:md|yaml|service)$/.test(name))
      .map((name) => path.join('relay', name)),
  ]
  let found = 0
  for (const document of documents) {
    const text = readFileSync(path.join(ROOT, document), 'utf8')
    for (const [, line = ''] of text.matchAll(/\baudit-relay ((?:[a-z-]+|--[a-z-]+)[^`#"\n|]*)/g)) {
      const [first = ''] = line.split(/[\s,.]/)
      const isCommand = program.commands.some((command) => command.name() === first)
      if (!isCommand && !first.startsWith('--')) continue
      found += 1
      assert.equal(unknownOn(line), undefined, `${document}: audit-relay ${line}`)
    }
  }
  assert.ok(found > 10)
})
