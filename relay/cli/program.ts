import { createRequire } from 'node:module'
import { type Command, CommanderError } from 'commander'
import type { Environment } from '../config.ts'
import { CliCommand, type Host } from './command/cli-command.ts'
import { pathOf } from './command/misuse.ts'
import { actionsCommand } from './actions/actions.ts'
import { archiveCommand } from './archive/archive.ts'
import { eraseCommand } from './erase/erase.ts'
import { exportCommand } from './export/export.ts'
import { historyCommand } from './export/history.ts'
import { proveCommand } from './export/prove.ts'
import { verifyExportCommand } from './export/verify-export.ts'
import { holdCommand } from './life/hold.ts'
import { policyCommand } from './life/policy.ts'
import { tokenCommand } from './life/token.ts'
import { importCommand } from './import/import.ts'
import { deadLettersCommand } from './operate/dead-letters.ts'
import { namesCommand } from './names/names.ts'
import { devCommand } from './operate/dev.ts'
import { doctorCommand } from './operate/doctor.ts'
import { recoverCommand } from './operate/recover.ts'
import { runCommand } from './operate/run.ts'
import { statusCommand } from './operate/status.ts'
import { searchCommand } from './search/search.ts'
import { retentionCommand } from './retention/retention.ts'
import { verifyCommand } from './seal/verify.ts'
import { checkpointCommand } from './seal/checkpoint.ts'
import { keysCommand } from './seal/keys.ts'
import { sealCommand } from './seal/seal.ts'
import { migrateCommand } from './schema/migrate.ts'
import { restoredCommand } from './schema/restored.ts'
import { coverageCommand } from './testing/coverage.ts'

const DONE = 0
const MISUSED = 2

/** `audit-relay` with every command, in the order in which its help names them. */
export function createProgram(host: Host): CliCommand {
  const program = new CliCommand('audit-relay', host, {
    summary: 'move audit entries into the log, and look after it',
    description:
      'Moves audit entries from staging and outbox into the log, and looks after the log. Without ' +
      'the name of a command it runs the relay. "audit-relay COMMAND --help" has the options and ' +
      'examples of one command.',
  })
  program
    .usage('[command] [options]')
    .version(packageVersion(), '-v, --version', 'print the version')
    .commandsGroup('Help:')
  return program.holds(
    runCommand(host),
    statusCommand(host),
    doctorCommand(host),
    devCommand(host),
    deadLettersCommand(host),
    recoverCommand(host),
    importCommand(host),
    migrateCommand(host),
    restoredCommand(host),
    policyCommand(host),
    holdCommand(host),
    retentionCommand(host),
    eraseCommand(host),
    namesCommand(host),
    searchCommand(host),
    exportCommand(host),
    verifyExportCommand(host),
    historyCommand(host),
    proveCommand(host),
    tokenCommand(host),
    archiveCommand(host),
    keysCommand(host),
    sealCommand(host),
    checkpointCommand(host),
    verifyCommand(host),
    actionsCommand(host),
    coverageCommand(host),
  )
}

/**
 * Runs the command that the arguments name.
 *
 * @returns its exit code
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for wrong arguments; else what the command throws
 */
export async function execute(args: readonly string[], environment: Environment): Promise<number> {
  let exitCode = DONE
  const program = createProgram({
    environment,
    end(code) {
      exitCode = code
    },
  })
  try {
    await program.parseAsync(withCommand(args, program), { from: 'user' })
  } catch (error) {
    // Help or the version was printed; help on standard error is the answer to a missing command.
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : MISUSED
    throw error
  }
  return exitCode
}

/** Options alone go to `run`. A default command of commander's would take unknown commands, too. */
function withCommand(args: readonly string[], program: Command): readonly string[] {
  const [first] = args
  const isOfProgram = first === '-h' || first === '--help' || hasOption(program, first)
  return isOfProgram || (first !== undefined && !first.startsWith('-')) ? args : ['run', ...args]
}

function hasOption(program: Command, flag: string | undefined): boolean {
  return program.options.some(({ short, long }) => flag === short || flag === long)
}

/** The command that the arguments name, as far as there is one: `dead-letters list`. */
export function commandPath(args: readonly string[]): string {
  const program = createProgram({ environment: {}, end() {} })
  let command: Command = program
  for (const word of withCommand(args, program)) {
    const next = command.commands.find((one) => one.name() === word)
    if (next === undefined) break
    command = next
  }
  return pathOf(command)
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('audit-outbox/package.json')
  return version
}
