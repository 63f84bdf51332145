import { CliCommand, type Host } from '../command/cli-command.ts'
import { LACKS_KEEPER } from '../command/help.ts'
import { jsonOption, textOption } from '../command/values.ts'
import { S3_KEYS } from '../command/variables.ts'

const LOGIN = ['DATABASE_URL', 'AUDIT_KEEPER_DATABASE_URL']
const INTERRUPTED = 'interrupted by SIGINT, Ctrl-C (143: by SIGTERM)'

interface Reporting {
  readonly json?: true
  readonly quiet?: true
}

const howOf = ({ json, quiet }: Reporting) => ({ isJson: json === true, isQuiet: quiet === true })

/** `audit-relay archive`: copies of partitions in files, and what is done with them. */
export function archiveCommand(host: Host): CliCommand {
  return new CliCommand('archive', host, {
    summary: 'archive old partitions in files, check them and bring them back',
    description:
      'Archives old partitions of the log in files: in a folder, or in a bucket that speaks S3. ' +
      'An archived file is compared with the log entry by entry before anything may be removed.',
    group: 'Years:',
  }).holds(
    runCommand(host),
    verifyCommand(host),
    restoreCommand(host),
    dropCommand(host),
    queryCommand(host),
  )
}

function runCommand(host: Host): CliCommand {
  return reporting(
    new CliCommand('run', host, {
      summary: 'archive partitions that have ended',
      description:
        'Archives the partitions that are closed, as the relay does three days after their end, and ' +
        'are not archived yet, or those that are named. The log keeps their entries. A file is stored only if the database computes the ' +
        'content digest that the file has, and it counts once it was read back from where it lies. ' +
        'It may run as often as you like.',
      examples: {
        'all that have ended, into a folder':
          'AUDIT_ARCHIVE_URL=file:///var/backups/audit audit-relay archive run',
        'one partition, into a bucket':
          'AUDIT_ARCHIVE_URL=s3://shop-audit/log audit-relay archive run audit_log_2025_10',
      },
      variables: [
        ...[...LOGIN, 'AUDIT_ARCHIVE', 'AUDIT_ARCHIVE_URL', 'AUDIT_ARCHIVE_KEEP'],
        ...['AUDIT_ARCHIVE_LEGAL_HOLD', ...S3_KEYS],
      ],
      exitCodes: {
        0: 'done, or there was nothing to archive',
        3: 'a partition could not be archived; the message says why, and nothing was removed',
        4: LACKS_KEEPER,
        130: `${INTERRUPTED}; files that are stored stay`,
      },
    }),
  )
    .argument('[partitions...]', 'names of partitions, as in audit.audit_partition')
    .runs(async (given: Reporting, partitions: string[]) => {
      const { runArchive } = await import('./run-archive.ts')
      return await runArchive(host.environment, { partitions, ...howOf(given) })
    })
}

function verifyCommand(host: Host): CliCommand {
  return reporting(
    new CliCommand('verify', host, {
      summary: 'check that archived files hold what was archived',
      description:
        'Reads archived files to their end, and compares the bytes, the number and the order of ' +
        'the entries and their content digest with the manifests next to them. It needs no ' +
        'database. The manifests are not signed. With --database the files are those that the ' +
        'database has noted, and each is also compared with its note.',
      examples: {
        'all files of a folder': 'audit-relay archive verify /var/backups/audit',
        'a file in a bucket':
          'audit-relay archive verify s3://shop-audit/log/year=2025/month=10/FILE.ndjson.gz',
        'what the database has noted of a partition':
          'audit-relay archive verify --database audit_log_2025_10',
      },
      variables: [...LOGIN, ...S3_KEYS],
      exitCodes: {
        0: 'every file holds what was archived',
        4: LACKS_KEEPER,
        5: 'a file is missing, damaged or another one; the differences are printed',
        130: INTERRUPTED,
      },
    }),
  )
    .argument('[files...]', 'files, folders or URLs; with --database names of partitions')
    .option('--database', 'check the files that the database has noted, and its notes')
    .runs(async (given: Reporting & { database?: true }, operands: string[]) => {
      const { verifyArchives } = await import('./verify-archives.ts')
      const asksDatabase = given.database === true
      return await verifyArchives(host.environment, { operands, asksDatabase, ...howOf(given) })
    })
}

function restoreCommand(host: Host): CliCommand {
  return reporting(
    new CliCommand('restore', host, {
      summary: 'bring an archived partition back',
      description:
        'Brings the entries of a partition back from its archived files and compares the content ' +
        'digests. With --beside they come into a table of their own, audit.restored_PARTITION, ' +
        'which readers of the log may read; the log is not touched. Without it they come back into ' +
        'the log, which says so in an entry audit.archive_restore. A policy that is in force lets ' +
        'them go again, so place a hold or change the policy first.',
      examples: {
        'into a table for a case': 'audit-relay archive restore audit_log_2025_10 --beside',
        'a file that another database has archived':
          'audit-relay archive restore audit_log_2025_10 --beside --from ./FILE.ndjson.gz',
        'when the case is closed': 'audit-relay archive drop audit_log_2025_10',
      },
      variables: [...LOGIN, ...S3_KEYS],
      exitCodes: {
        0: 'the entries are back',
        3: 'a file is missing, damaged or another one, or the log cannot take them; it is unchanged',
        4: LACKS_KEEPER,
        130: INTERRUPTED,
      },
    }),
  )
    .argument('<partition>', 'name of the partition, as it was in the log')
    .option('--beside', 'into a table next to the log')
    .addOption(
      textOption(
        '--from <file>',
        'a file, folder or URL, and not those that the database has noted',
      ),
    )
    .runs(async (given: Reporting & { beside?: true; from?: string }, partition: string) => {
      const { restorePartition } = await import('./restore-partition.ts')
      return await restorePartition(host.environment, {
        ...{ partition, isBeside: given.beside === true, from: given.from },
        ...howOf(given),
      })
    })
}

function dropCommand(host: Host): CliCommand {
  return new CliCommand('drop', host, {
    summary: 'drop the table that "restore --beside" has made',
    description:
      'Drops the table next to the log that "restore --beside" has made of a partition. The log and ' +
      'the archived files are not touched.',
    examples: { 'when the case is closed': 'audit-relay archive drop audit_log_2025_10' },
    variables: LOGIN,
    exitCodes: { 4: LACKS_KEEPER },
  })
    .argument('<partition>', 'name of the partition')
    .runs(async (_: object, partition: string) => {
      const { dropRestored } = await import('./restore-partition.ts')
      return await dropRestored(host.environment, partition)
    })
}

function queryCommand(host: Host): CliCommand {
  return new CliCommand('query', host, {
    summary: 'search archived files of a folder',
    description:
      'Searches the archived files below a folder, and prints the entries that it finds as lines of ' +
      'JSON. It needs no database; for Parquet it needs the package @duckdb/node-api.',
    examples: {
      'all entries on a target':
        'audit-relay archive query /var/backups/audit --target 5a0c1a52-6d1c-4b5e-9d3a-0b7f3c9a1d11',
    },
    exitCodes: { 0: 'done, also where nothing was found' },
  })
    .argument('<folder>', 'the folder of AUDIT_ARCHIVE_URL, or one below it')
    .addOption(textOption('--user <id>', 'by this user'))
    .addOption(textOption('--event <id>', 'of this event'))
    .addOption(textOption('--target <id>', 'on this target'))
    .addOption(textOption('--request <id>', 'of this request'))
    .addOption(textOption('--action <action>', 'of this action; "branding.*" is all of one entity'))
    .runs(async (given: Readonly<Record<string, string>>, folder: string) => {
      const { queryArchives } = await import('./query-archives.ts')
      return await queryArchives(folder, given)
    })
}

function reporting(command: CliCommand): CliCommand {
  return command.addOption(jsonOption()).option('--quiet', 'print no progress on standard error')
}
