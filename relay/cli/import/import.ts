import { Option } from 'commander'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { jsonOption, textOption } from '../command/values.ts'

const READY_MADE = {
  spatie: 'the table activity_log of spatie/laravel-activitylog',
  cloudtrail: 'files of AWS CloudTrail, as they are, or their records as NDJSON',
  plain:
    'a table with user_id, event_id, action, entity_type, target_id, metadata, request_id, created_at',
}

interface ImportGiven {
  readonly map?: string
  readonly name?: string
  readonly fromEnv?: string
  readonly query?: string
  readonly timeZone?: string
  readonly refused?: string
  readonly dryRun?: true
  readonly printMap?: string
  readonly json?: true
  readonly quiet?: true
}

export function importCommand(host: Host): CliCommand {
  return new CliCommand('import', host, {
    summary: 'bring an old log in, from files or from another database',
    description:
      'Brings an old log in: each of its rows becomes an entry of the time when it happened. What ' +
      'becomes of a row is in a mapping. An import may be killed and run again: it goes on, and no ' +
      'row is logged twice. A relay has to run, which moves an import while nothing else waits. See ' +
      'relay/import.md in the package.',
    group: 'Relay:',
    sections: { 'Ready-made mappings': READY_MADE },
    examples: {
      'what would become of a file':
        'audit-relay import old.csv --map map.json --name old-log --dry-run',
      'bring it in':
        'audit-relay import old.csv --map map.json --name old-log --refused refused.ndjson',
      'from another database':
        'audit-relay import --from-env OLD_DATABASE_URL --map spatie --name old-log',
      'a ready-made mapping, to change it': 'audit-relay import --print-map plain > map.json',
    },
    variables: [
      'DATABASE_URL',
      'AUDIT_KEEPER_DATABASE_URL',
      'AUDIT_STATEMENT_TIMEOUT_MS',
      'AUDIT_MAX_ENTRY_BYTES',
    ],
    exitCodes: {
      0: 'all rows are in the log',
      1: 'failed, or some rows were refused; the others are in the log',
      2: 'wrong options, mapping or file; nothing was done',
      4: 'refused: the import was begun with another mapping, or the login lacks the role audit_keeper',
      130: 'interrupted by SIGINT, Ctrl-C (143: by SIGTERM); the same command goes on',
    },
  })
    .argument('[files...]', 'NDJSON, CSV or JSON, also as .gz; read one after the other')
    .addOption(textOption('--map <file>', 'the mapping, or the name of a ready-made one'))
    .addOption(
      textOption('--name <name>', 'of the import: the same name goes on with the same import'),
    )
    .addOption(
      textOption('--from-env <variable>', 'read from the database whose URL this variable holds'),
    )
    .addOption(
      textOption('--query <sql>', 'with --from-env: what to read, in place of the mapping'),
    )
    .addOption(textOption('--time-zone <zone>', 'of times that name none, in place of the mapping'))
    .addOption(textOption('--refused <file>', 'append refused rows to it (default: list them)'))
    .option('--dry-run', 'write nothing; show what would become of the rows')
    .addOption(
      new Option('--print-map <name>', 'print a ready-made mapping').choices(
        Object.keys(READY_MADE),
      ),
    )
    .addOption(jsonOption())
    .option('--quiet', 'print no progress on standard error')
    .runs(async (given: ImportGiven, files: readonly string[] = []) => {
      const { importOldLog, printMapping } = await import('./import-old-log.ts')
      if (given.printMap !== undefined) return printMapping(given.printMap)
      const { map, name, fromEnv, query } = given
      if (map === undefined) throw misuse('Give --map <file>, or the name of a ready-made mapping.')
      if (name === undefined) throw misuse('Give --name <name>: by it the import goes on.')
      if (name.length > MAX_NAME) throw misuse(`--name must have at most ${MAX_NAME} characters.`)
      if (files.length === 0 && fromEnv === undefined) throw misuse('Give files, or --from-env.')
      if (files.length > 0 && fromEnv !== undefined) {
        throw misuse('Give files or --from-env, not both.')
      }
      if (query !== undefined && fromEnv === undefined) throw misuse('--query needs --from-env.')
      return await importOldLog(host.environment, {
        ...{ map, name, files, fromEnv, query, timeZone: given.timeZone, refused: given.refused },
        isDryRun: given.dryRun === true,
        isJson: given.json === true,
        isQuiet: given.quiet === true,
      })
    })
}

const MAX_NAME = 128
