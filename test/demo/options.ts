import { parseArgs } from 'node:util'
import { Misuse } from './failures.ts'

export interface DemoOptions {
  readonly help: boolean
  /** Whether to end after the account, with its verdict as the exit code. */
  readonly once: boolean
  /** Where Postgres' data and the logs go. */
  readonly dataDir: string
  /** The site's port. 0 means any free port. */
  readonly port: number
  /** A database to use instead of starting a server. */
  readonly databaseUrl: string | undefined
  /** A file with audit events of another system, to replay. */
  readonly sample: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** @throws {Misuse} with the option or variable that is wrong */
export function readOptions(args: readonly string[], environment: Environment): DemoOptions {
  const values = parse(args)
  const databaseUrl = environment['DATABASE_URL'] || undefined
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    throw new Misuse('DATABASE_URL must begin with postgres://.') // not quoted: it holds a password
  }
  const port = environment['DEMO_PORT'] || '0'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new Misuse(`DEMO_PORT must be a port from 0 to 65535, got "${port}".`)
  }
  return {
    help: values.help ?? false,
    once: values.once ?? false,
    dataDir: values.data ?? '.data',
    port: Number(port),
    databaseUrl,
    sample: environment['AUDIT_SAMPLE'] || undefined,
  }
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        once: { type: 'boolean' },
        data: { type: 'string' },
      },
    })
    return values
  } catch (error) {
    throw new Misuse(error instanceof Error ? error.message : 'The options cannot be read.')
  }
}

export const USAGE = `npm start: the whole product on this machine, from a request to the log

Starts a Postgres, a relay and a small site, sends the site some hundreds of requests, and accounts
for every audit entry. It needs only what "npm ci" installed.

Usage
  npm start                    run, then keep running for you to try things; Ctrl-C stops it
  npm start -- --once          run, then exit with 0 if the account balances, with 1 if it does not
  npm start -- --data FOLDER   keep Postgres' data and the logs in FOLDER; default .data

Environment
  DATABASE_URL    use this database instead of starting a Postgres. Its login must be allowed to
                  create the schemas "audit" and "audit_demo". The demo does not delete them
  DEMO_PORT       the site's port; default any free port
  AUDIT_SAMPLE    a file with audit events of AWS CloudTrail to replay: one JSON object a line,
                  gzipped if the name ends in .gz
  NO_COLOR        print without colours
`
