import { COMMANDS } from './commands.ts'
import { environmentName, RELAY_LIMITS } from '../src/options.ts'

/** What `audit-relay --help` prints; limits come from the one table that also checks them. */
export function usage(): string {
  const settings = Object.entries(RELAY_LIMITS).map(
    ([name, limit]) =>
      `  ${environmentName(name).padEnd(30)}${limit.says}\n${' '.repeat(32)}` +
      `${limit.min} to ${limit.max}, default ${limit.default}`,
  )
  const commands = Object.values(COMMANDS)
    .map((command) => command.usage)
    .join('')
  return `audit-relay: moves audit entries from their lanes into the log

Usage${commands}
  audit-relay --help | --version

Environment
  DATABASE_URL                  used for everything that has no URL of its own:
  AUDIT_RELAY_DATABASE_URL      run, status: a login that was granted audit_relay
  AUDIT_READER_DATABASE_URL     export, page: a login that was granted audit_reader
  AUDIT_APP_DATABASE_URL        page: a login that was granted audit_app, to record who reads
  AUDIT_OWNER_DATABASE_URL      migrate: a superuser, or CREATEROLE and CREATE on the database
  AUDIT_LOG_LEVEL               trace, debug, info, warn, error, fatal or silent; default info
  AUDIT_HTTP_PORT               run: serve /livez, /readyz and /metrics on this port, 0 to 65535
                                (0: any that is free); without it nothing is served
  AUDIT_HTTP_HOST               ... at this address; default 127.0.0.1
  AUDIT_PAGE_TOKEN              ... the timeline page, to ada:TOKEN,grace:TOKEN; at least 16
                                characters each; opened with /?token=TOKEN
  AUDIT_PAGE_AUDIT_READS        on or off: whether reading the page is itself logged; default on
${settings.join('\n')}

Exit codes
  0  done; --once: drained         2  wrong options or configuration
  1  failed                        3  --once: a bound was reached with rows left
                                   4  --once: dead letters were written
                                   5  verify-export: not the file that was written
`
}
