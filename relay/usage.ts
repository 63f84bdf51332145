import { environmentName, RELAY_LIMITS } from '../src/options.ts'

/** What `audit-relay --help` prints; limits come from the one table that also checks them. */
export function usage(): string {
  const settings = Object.entries(RELAY_LIMITS).map(
    ([name, limit]) =>
      `  ${environmentName(name).padEnd(30)}${limit.says}\n${' '.repeat(32)}` +
      `${limit.min} to ${limit.max}, default ${limit.default}`,
  )
  return `audit-relay: moves audit entries from their lanes into the log

Usage
  audit-relay [run]              run until SIGTERM or SIGINT; the second signal quits at once
  audit-relay run --once         move until the lanes are empty, then end
      --max-rows N               stop after about N rows
      --deadline TIME            stop after this long (500ms, 30s, 5m; default 60s)
  audit-relay migrate            create the schema "audit", or bring it up to date
      --sql                      print the SQL instead
  audit-relay status             what waits, how long, and what each recorder counted
      --json                     the same for machines
  audit-relay --help | --version

Environment
  DATABASE_URL                  used for everything that has no URL of its own:
  AUDIT_RELAY_DATABASE_URL      run, status: a login that was granted audit_relay
  AUDIT_OWNER_DATABASE_URL      migrate: a superuser, or CREATEROLE and CREATE on the database
  AUDIT_LOG_LEVEL               trace, debug, info, warn, error, fatal or silent; default info
${settings.join('\n')}

Exit codes
  0  done; --once: drained         2  wrong options or configuration
  1  failed                        3  --once: a bound was reached with rows left
                                   4  --once: dead letters were written
`
}
