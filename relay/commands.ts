import { type Command, countOf, durationMs, misuse, textOf } from './cli/command.ts'
import { deadLettersCommand } from './cli/operate/dead-letters.ts'
import { exportCommand } from './cli/export/export.ts'
import { migrate } from './cli/schema/migrate.ts'
import { status } from './cli/operate/status.ts'
import { verifyExportCommand } from './cli/export/verify-export.ts'

/** Every command, in the order in which `audit-relay --help` names them. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  run: {
    options: {
      once: { type: 'boolean' },
      'max-rows': { type: 'string' },
      deadline: { type: 'string' },
    },
    usage: `
  audit-relay [run]              run until SIGTERM or SIGINT; the second signal quits at once
  audit-relay run --once         move until the lanes are empty, then end
      --max-rows N               stop after about N rows
      --deadline TIME            stop after this long (500ms, 30s, 5m; default 60s)`,
    run: async (given) => {
      // Alone of all it serves HTTP and metrics: an export in 80 MB is not to carry that along.
      const { once, run } = await import('./cli/operate/run.ts')
      const { environment, values } = given
      if (values['once'] === true) {
        return await once(environment, {
          maxRows: countOf(given, 'max-rows', 1),
          deadlineMs: durationMs('deadline', textOf(given, 'deadline') ?? '60s'),
        })
      }
      if (values['max-rows'] ?? values['deadline']) throw misuse('Bounds go with --once.')
      return await run(environment)
    },
  },
  migrate: {
    options: { sql: { type: 'boolean' } },
    usage: `
  audit-relay migrate            create the schema "audit", or bring it up to date
      --sql                      print the SQL instead`,
    run: ({ environment, values }) => migrate(environment, { sqlOnly: values['sql'] === true }),
  },
  status: {
    options: { json: { type: 'boolean' } },
    usage: `
  audit-relay status             what waits, how long, and what each recorder counted
      --json                     the same for machines`,
    run: ({ environment, values }) => status(environment, { json: values['json'] === true }),
  },
  'dead-letters': deadLettersCommand,
  export: exportCommand,
  'verify-export': verifyExportCommand,
}
