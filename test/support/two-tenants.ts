import type postgres from 'postgres'
import type { Viewer } from '../../src/page/index.ts'
import type { Dice } from './dice.ts'
import { idAt } from './log-entries.ts'

/** What a viewer may not be shown, in small letters. */
export interface Canaries {
  readonly hidden: readonly string[]
  /** Ids of entries that they do not see. */
  readonly entries: readonly string[]
}

interface Twin {
  readonly query: string
  /** An answer to either request with the word of the first in the place of the other's. */
  readonly back: (text: string) => string
}

/** A small log of two tenants, in which everything that is hidden is a word or an id of its own. */
export interface TwoTenants {
  readonly nowMs: number
  readonly viewers: readonly Viewer[]
  readonly ownIds: readonly string[]
  readonly ownWords: readonly string[]
  readonly allIds: readonly string[]
  readonly entryIds: readonly string[]
  hiddenIds(viewer: Viewer): readonly string[]
  hiddenWords(viewer: Viewer): readonly string[]
  canariesOf(viewer: Viewer): Canaries
  nameOf(id: string): string
  /** Undefined where the request names nothing that is hidden. */
  twinOf(query: string, viewer: Viewer): Twin | undefined
}

const DAY_MS = 86_400_000

/** Hidden from some viewers, by what it is. */
interface Planted {
  readonly other: string[]
  readonly fields: string[]
  readonly staff: string[]
  readonly internal: string[]
}

export async function fillTwoTenants(sql: postgres.Sql, dice: Dice): Promise<TwoTenants> {
  const nowMs = Date.now()
  const words: Planted = { other: [], fields: [], staff: [], internal: [] }
  const ids: Planted = { other: [], fields: [], staff: [], internal: [] }
  const entries: Planted = { other: [], fields: [], staff: [], internal: [] }
  const word = (kind: keyof Planted) => {
    const made = `zq${dice.hex(10)}`
    words[kind].push(made)
    return made
  }
  const id = (kind: keyof Planted) => {
    const made = dice.uuid()
    ids[kind].push(made)
    return made
  }
  const [acme, ada, linus, order] = [dice.uuid(), dice.uuid(), dice.uuid(), dice.uuid()]
  const [globex, helper] = [id('other'), id('staff')]
  const ownWords = ['gold', 'silver', 'order.create', 'order.update', 'req-own', 'venue']
  const rows: Record<string, unknown>[] = []
  const add = (row: Record<string, unknown>, hidden?: keyof Planted) => {
    const entryId = idAt(nowMs - DAY_MS * 3 + rows.length * 60_000)
    if (hidden) entries[hidden].push(entryId)
    const at = new Date(nowMs - DAY_MS).toISOString()
    const usual = { occurred_at: at, logged_at: at, written_by: 'app', metadata: {}, context: {} }
    rows.push({ ...usual, id: entryId, seq: rows.length + 1, ...row })
  }
  for (let round = 0; round < 12; round += 1) {
    add({
      ...{
        event_id: acme,
        user_id: dice.of([ada, linus]),
        target_id: order,
        request_id: 'req-own',
      },
      action: dice.of(['order.create', 'order.update']),
      entity_type: 'venue',
      metadata: {
        note: dice.of(['gold', 'silver']),
        secret: { code: word('fields') },
        people: [{ name: 'gold', ssn: word('fields') }, [{ ssn: word('fields') }]],
        changes: [
          { field: 'secret.code', from: word('fields'), to: word('fields') },
          { field: 'note', from: 'silver', to: 'gold' },
          { path: ['people', 0, 'ssn'], old: word('fields'), value: word('fields') },
        ],
        before: { secret: { code: word('fields') }, people: [{ ssn: word('fields') }] },
        after: { secret: { [word('fields')]: 1 }, note: 'gold' },
      },
      context: { ip: '10.0.0.9', agent: word('fields'), [word('fields')]: 1 },
      ...{ recorder_id: id('fields'), recorder_seq: round, written_by: word('fields') },
    })
    add({
      ...{ event_id: acme, user_id: ada, actor_id: id('staff'), action: 'order.update' },
      metadata: { note: 'gold' },
      context: { ip: '10.0.0.7', actor: { name: word('staff') }, agent: word('staff') },
      written_by: word('fields'),
    })
    add({
      ...{ event_id: acme, user_id: helper, target_id: helper, more_targets: [helper, linus] },
      ...{ action: 'order.create', context: { agent: word('staff') }, written_by: word('fields') },
    })
    add(
      {
        ...{
          event_id: acme,
          user_id: ada,
          target_id: id('internal'),
          request_id: word('internal'),
        },
        ...{ action: `internal.${word('internal')}`, entity_type: word('internal') },
        metadata: { deep: { a: [{ b: word('internal') }] }, note: word('internal') },
        context: { [word('internal')]: word('internal') },
      },
      'internal',
    )
    add(
      {
        ...{
          event_id: globex,
          user_id: id('other'),
          target_id: id('other'),
          actor_id: id('other'),
        },
        ...{ more_targets: [id('other')], request_id: word('other'), written_by: word('other') },
        ...{ action: `${word('other')}.${word('other')}`, entity_type: word('other') },
        metadata: {
          note: word('other'),
          deep: { a: { b: [[word('other')]] } },
          [word('other')]: 1,
        },
        context: { ip: '192.168.77.1', agent: word('other'), actor: { name: word('other') } },
        ...{ recorder_id: id('other'), recorder_seq: round, outcome: 'denied' },
      },
      'other',
    )
  }
  await sql`update audit.audit_head set seq = ${rows.length}`
  await sql`insert into audit.audit_log
    select * from jsonb_populate_recordset(null::audit.audit_log, ${JSON.stringify(rows)}::text::jsonb)`
  const hides = [
    ...(['context.ip', 'context.agent', 'metadata.secret', 'metadata.people.ssn'] as const),
    ...(['recorder', 'writtenBy'] as const),
  ]
  const keys = Object.keys(Object.assign({}, ...rows.map((row) => row['context']))).filter((key) =>
    words.fields.includes(key),
  )
  const fields = [...hides, ...keys.map((key) => `context.${key}` as const)]
  const staffIds = ids.staff
  const customer: Viewer = {
    ...{ name: 'customer', onlyEventId: acme, hides: fields, staffAs: 'Support' },
    ...{ staff: [helper], actions: ['-internal.*'] },
  }
  const colleague: Viewer = { name: 'colleague', sees: 'everything', hides: fields }
  const tenant: Viewer = { name: 'tenant', onlyEventId: acme }
  const hiddenFrom = (viewer: Viewer): readonly (keyof Planted)[] =>
    viewer === customer
      ? ['other', 'fields', 'staff', 'internal']
      : viewer === colleague
        ? ['fields']
        : ['other']
  const of = (planted: Planted, viewer: Viewer) =>
    hiddenFrom(viewer).flatMap((kind) => planted[kind])
  const allIds = [...ids.other, ...staffIds, ada, linus, order]
  const names = new Map(allIds.map((one) => [one, `zq${dice.hex(10)}`]))
  const own = new Set([ada, linus, order])
  return {
    ...{
      nowMs,
      viewers: [customer, colleague, tenant],
      ownIds: [acme, ada, linus, order],
      ownWords,
    },
    allIds,
    entryIds: rows.map((row) => String(row['id'])),
    hiddenIds: (viewer) => of(ids, viewer),
    hiddenWords: (viewer) => of(words, viewer),
    canariesOf: (viewer) => ({
      hidden: [
        ...of(words, viewer),
        ...of(ids, viewer),
        ...of(entries, viewer),
        ...of(ids, viewer).flatMap((one) => names.get(one) ?? []),
        ...(viewer === tenant ? [] : ['10.0.0.9']),
        ...(viewer === customer ? ['10.0.0.7'] : []),
        ...(viewer === colleague ? [] : ['192.168.77.1']),
      ],
      entries: of(entries, viewer),
    }),
    nameOf: (one) => (own.has(one) ? `name ${one.slice(0, 4)}` : (names.get(one) ?? 'nobody')),
    twinOf(query, viewer) {
      const word = of(words, viewer).find((one) => query.includes(one))
      const one = word ?? of(ids, viewer).find((hidden) => query.includes(hidden))
      if (one === undefined || one === globex) return undefined
      // It begins as the other does, because titles and chips cut what is long.
      const begin = one.slice(0, 6)
      const other = begin + (word === undefined ? dice.uuid().slice(6) : dice.hex(6))
      const back = (text: string) => {
        let changed = text
        for (let length = other.length; length > begin.length; length -= 1) {
          changed = changed.replaceAll(other.slice(0, length), one.slice(0, length))
        }
        return changed
      }
      return { query: query.replaceAll(one, other), back }
    },
  }
}
