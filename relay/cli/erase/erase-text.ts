import type { Scrubbed } from '../../erase/scrub.ts'
import type { HeldEntry, Survey } from '../../erase/survey.ts'

/** What would be erased; of a user also what else names that user. */
export type Plan = Partial<Omit<Survey, 'entries' | 'held'>> & {
  readonly what: { readonly user: string } | { readonly seqs: readonly number[] }
  readonly entries: number
  readonly held: readonly HeldEntry[]
}

const SHOWN = 10

/** What is erased of the log, for people. */
export function plannedText({ entries, own, removed, held }: Plan): readonly string[] {
  const lines = [
    own === undefined
      ? `Something is erased of ${counted(entries)}.`
      : `Something is erased of ${counted(entries)}: all fields of ${own} that the user did or that ` +
        `were done for the user; target, metadata and context of ${entries - own} that were done to ` +
        'the user.',
  ]
  if (removed) {
    lines.push(`${removed} of them a policy has removed already; they wait for their drop.`)
  }
  if (held.length > 0) {
    const first = held.slice(0, SHOWN).map(({ seq, hold }) => `${seq} by ${hold}`)
    lines.push(
      `On hold, so that nothing is erased: ${counted(held.length)}, ${listed(first, held.length)}. ` +
        'See "audit-relay hold list"; or erase the others by --entry.',
    )
  }
  return lines
}

/** What else names the user, in the database and outside of it. */
export function elsewhereText({ naming, elsewhere }: Plan): readonly string[] {
  const lines: string[] = []
  if (naming !== undefined && naming.entries > 0) {
    const actions = Object.entries(naming.byAction).map(([action, count]) => `${count} ${action}`)
    const seqs = naming.first.slice(0, SHOWN).map(({ seq }) => String(seq))
    lines.push(
      `Entries of others that name the user in metadata or context, and stay as they are: ` +
        `${naming.entries} (${actions.slice(0, SHOWN).join(', ')}), seq ${listed(seqs, naming.entries)}. ` +
        'To erase these, too: audit-relay erase --entry SEQ --fields metadata,context. Of the entries ' +
        "that are the log's own (audit.*) only audit.read, audit.read_denied, audit.view_save and audit.view_remove can be erased.",
    )
  }
  if (elsewhere !== undefined) {
    const { labels, views, letters, staged, holds, archives } = elsewhere
    if (labels > 0) {
      lines.push(
        `Names of the user that are known from entries, one for each event: ${labels}. An erasure of the ` +
          'user erases them, too.',
      )
    }
    if (views > 0) {
      lines.push(
        `Shared views of the page that the user saved, or that name the user: ${views}. An erasure of the user ` +
          'forgets who saved them, and removes those that name the user.',
      )
    }
    if (letters.length > 0) {
      lines.push(
        `Dead letters that name the user: ${listed(letters.slice(0, SHOWN).map(String), letters.length)}. ` +
          'To drop one: audit-relay dead-letters drop NUMBER --yes',
      )
    }
    if (staged > 0) {
      lines.push(
        `In a lane, naming the user: ${counted(staged)}. Once they are logged, erase again.`,
      )
    }
    if (holds.length > 0) {
      lines.push(
        `Legal holds that name the user, which the database never deletes: ${listed(holds.slice(0, SHOWN), holds.length)}.`,
      )
    }
    for (const { partition, url } of archives) {
      lines.push(`Archived file of ${partition}: ${url}`)
    }
  }
  return lines.length === 0 ? [...OUTSIDE] : [...lines, '', ...OUTSIDE]
}

/** Nobody can look there from here. */
const OUTSIDE: readonly string[] = [
  'What this command does not see:',
  '  - files that were exported or archived before, and what a tail of yours has written elsewhere',
  '  - backups, replicas, and the WAL until it is recycled or its archive expires',
  '  - journals and exit dumps of the processes that recorded: a copy that is recovered is dropped',
  "  - the server's own log, and names of logins in written_by, which are never erased",
]

/** What stays on the disk of the server. */
export function leftText(scrubbed: Scrubbed | undefined): readonly string[] {
  if (scrubbed === undefined) {
    return [
      '',
      'No table, index, page or export shows it any more. Its bytes stay in the files of the tables until ' +
        'something else is written there: --scrub rewrites these.',
    ]
  }
  const { tables } = scrubbed
  return [
    '',
    `${tables.length} tables were rewritten: ${tables.map(({ place }) => place).join(', ')}. Dead rows of ` +
      'pg_statistic hold some of it until they are vacuumed ("vacuum pg_catalog.pg_statistic" as a superuser).',
  ]
}

function counted(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`
}

function listed(shown: readonly string[], all: number): string {
  const more = all - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
