// Makes the migrations that come from other files: 0000_tables from src/schema/tables, and the
// functions from src/schema/functions, of which some hold the lists of src/redact. With --check it
// writes nothing, and fails if a file differs.
//
// To change the schema before its first release, while the series may be made again:
// - A table: edit its file in src/schema/tables. A function: edit or add its file in an area of
//   src/schema/functions. Then run "npm run schema:make".
// - Anything else: edit 0002_log_and_lanes.sql (storage, triggers, partitions, first rows) or
//   0003_roles.sql (roles, grants, owner; a new function or table needs its grants there).
// - "audit-relay migrate" then refuses a database of the earlier series. Drop that database.
//
// After a release the series only grows. RELEASED below is the number of migrations that are final:
// - A table: edit its file in src/schema/tables, run "npx drizzle-kit generate --name <what>" and delete the
//   older snapshot in migrations/meta.
// - A function: edit its file, run "npx drizzle-kit generate --custom --name functions" and then
//   "npm run schema:make". Anything else: "npx drizzle-kit generate --custom --name <what>". A new
//   object needs its owner and grants. A changed return type needs a DROP FUNCTION before it.
// - Raise version (and min_reader_version, if older packages cannot use the new schema) in the
//   migration and in src/schema/version.ts. Each release with a new migration raises it, because
//   "migrate --sql --from N" prints what comes after the last migration of version N.
// - Only a migration whose name ends in _roles may name a role: the name gets the database's prefix
//   there, and with "migrate --roles off" its statements that name a role are left out.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import * as tables from '../src/schema/tables.ts'
import { secretFunctions } from './secret-functions.ts'

/**
 * How many migrations of the series are released, and so final. While it is 0, each change makes
 * the series again. Each release sets it to the length of the series.
 */
const RELEASED = 0

const SCHEMA = fileURLToPath(new URL('../src/schema', import.meta.url))
const MIGRATIONS = path.join(SCHEMA, 'migrations')
const BREAKPOINT = '--> statement-breakpoint\n'

/** What drizzle-kit cannot express: each a place in its SQL, and the text to put there. */
const EDITS: readonly (readonly [RegExp, string])[] = [
  // The migrator makes the schema first, for its own bookkeeping.
  [/^CREATE SCHEMA/m, '$& IF NOT EXISTS'],
  [/^CREATE( TABLE "audit"\."audit_staging")/m, 'CREATE UNLOGGED$1'],
  [/^CREATE( TABLE "audit"\."audit_sentinel")/m, 'CREATE UNLOGGED$1'],
  [/^CREATE( TABLE "audit"\."audit_import")/m, 'CREATE UNLOGGED$1'],
  [/^CREATE( TABLE "audit"\."audit_import_sentinel")/m, 'CREATE UNLOGGED$1'],
  [/(^CREATE TABLE "audit"\."audit_log" \([^;]*\));/m, '$1 PARTITION BY RANGE ("id");'],
]

interface Made {
  /** From src/schema/migrations. */
  readonly file: string
  readonly text: string
}

async function tablesMigration(): Promise<Made> {
  const statements = await generateMigration(generateDrizzleJson({}), generateDrizzleJson(tables))
  const sql = EDITS.reduce(
    (text, [place, edited]) => {
      if (!place.test(text)) throw new Error(`drizzle-kit's SQL does not match ${place}.`)
      return text.replace(place, edited)
    },
    statements.map((statement) => `${statement.trim()}\n`).join(BREAKPOINT),
  )
  const head = '-- Made from src/schema/tables by "npm run schema:make".\n'
  return { file: '0000_tables.sql', text: head + sql }
}

/** The files of the functions, by area. */
function functionFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.sql'))
    .sort()
}

/**
 * The current text of each function, by name. A function comes after the functions that it calls.
 */
function currentFunctions(): Map<string, string> {
  const folder = path.join(SCHEMA, 'functions')
  const texts = new Map(
    functionFiles(folder).map((file) => [
      path.basename(file, '.sql'),
      readFileSync(path.join(folder, file), 'utf8'),
    ]),
  )
  for (const [name, text] of Object.entries(secretFunctions())) texts.set(name, text)
  const ordered = new Map<string, string>()
  const begun = new Set<string>()
  const place = (name: string, text: string) => {
    if (begun.has(name)) return
    begun.add(name)
    for (const [other, its] of texts) if (text.includes(`audit.${other}(`)) place(other, its)
    ordered.set(name, text)
  }
  for (const [name, text] of texts) {
    if (!`\n${text}`.includes(`\nCREATE OR REPLACE FUNCTION "audit"."${name}"(`)) {
      throw new Error(`The file ${name}.sql does not create the function ${name}.`)
    }
    place(name, text)
  }
  return ordered
}

const FUNCTIONS_HEAD = '-- Made from src/schema/functions by "npm run schema:make".\n'

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(path.join(MIGRATIONS, folder))
    .filter((file) => file.endsWith(ending))
    .sort()
}

/**
 * Puts functions whose text is not in an older migration into the newest migration for functions.
 */
function functionsMigration(): Made | undefined {
  const older = filesIn('.', '_functions.sql')
  const newest = older.pop() ?? ''
  const isFinal = Number.parseInt(newest, 10) < RELEASED
  if (isFinal) older.push(newest)
  const made = new Map<string, string>()
  for (const file of older) {
    const sql = readFileSync(path.join(MIGRATIONS, file), 'utf8').slice(FUNCTIONS_HEAD.length)
    for (const text of sql.split(BREAKPOINT)) {
      made.set(/FUNCTION "audit"\."(\w+)"/.exec(text)?.[1] ?? '', text)
    }
  }
  const changed = [...currentFunctions()].filter(([name, text]) => made.get(name) !== text)
  if (!isFinal) {
    const texts = changed.map(([, text]) => text)
    return { file: newest, text: FUNCTIONS_HEAD + texts.join(BREAKPOINT) }
  }
  if (changed.length === 0) return undefined
  const names = changed.map(([name]) => name).join(', ')
  throw new Error(
    `${newest} is released and lacks ${names}. ` +
      'Run "npx drizzle-kit generate --custom --name functions", then "npm run schema:make".',
  )
}

/** The only snapshot that drizzle-kit needs: the tables as the whole series makes them. */
function snapshot(): Made {
  const file = path.join('meta', filesIn('meta', '_snapshot.json').pop() ?? '')
  const text = readFileSync(path.join(MIGRATIONS, file), 'utf8')
  const { id, prevId } = JSON.parse(text)
  // The order of keys means nothing, and a new id would change the file each time.
  const now = JSON.parse(JSON.stringify({ ...generateDrizzleJson(tables), id, prevId }))
  const isSame = isDeepStrictEqual(now, JSON.parse(text))
  return { file, text: isSame ? text : JSON.stringify(now, null, 2) }
}

const lists = Object.entries(secretFunctions()).map(
  ([name, text]): Made => ({ file: `../functions/secrets/${name}.sql`, text }),
)
const files = [...lists, functionsMigration()]
if (RELEASED === 0) files.push(await tablesMigration(), snapshot())
for (const { file, text } of files.filter((one) => one !== undefined)) {
  const place = path.join(MIGRATIONS, file)
  const before = existsSync(place) ? readFileSync(place, 'utf8') : ''
  if (before === text) continue
  if (process.argv.includes('--check')) {
    console.error(`src/schema/migrations/${file} is out of date: run "npm run schema:make".`)
    process.exitCode = 1
  } else {
    writeFileSync(place, text)
    console.log(`Made src/schema/migrations/${file}.`)
  }
}
