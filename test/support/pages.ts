import type { DrizzleHandle } from '../../src/index.ts'
import type { TestContext } from 'node:test'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import {
  type AuditDatabase,
  createTimelinePage,
  type TimelinePageOptions,
} from '../../src/page/index.ts'
import type { ScratchDatabase } from './database.ts'
import { silentLogger } from './lanes.ts'

/** Drizzle on connections of a login that may only read the log. Closed after the test. */
export function readerOn(t: TestContext, { urlAs }: ScratchDatabase): DrizzleHandle {
  const client = postgres(urlAs('audit_reader'), { max: 4, onnotice: () => {} })
  t.after(() => client.end({ timeout: 1 }))
  return drizzle(client)
}

/** The page as an application mounts it, with one viewer who may see everything. */
export function pageOn(db: AuditDatabase, options: Partial<TimelinePageOptions> = {}) {
  const page = createTimelinePage({
    ...{
      db,
      authorize: () => ({ name: 'ada', sees: 'everything' as const }),
      recorder: false,
      logger: silentLogger(),
    },
    ...options,
  })
  const get = (query: string, headers: Readonly<Record<string, string>> = {}) =>
    page.fetch(new Request(`http://page.test/audit${query}`, { headers }))
  return { ...page, get, text: async (query: string) => (await get(query)).text() }
}

/** The ids of the rows of a list, as they stand on the page. */
export function rowIds(html: string): readonly string[] {
  return Array.from(
    html.matchAll(/<a class="open" href="[^"]*[?;]entry=([0-9a-f-]{36})["&]/g),
    ([, id = '']) => id,
  )
}

export interface StreamEvent {
  readonly id?: string
  readonly event?: string
  readonly data?: string
}

/** Reads a stream of server-sent events until it has `count` events of one kind. */
export async function readEvents(
  response: Response,
  { event, count }: { readonly event: string; readonly count: number },
): Promise<readonly StreamEvent[]> {
  const found: StreamEvent[] = []
  let text = ''
  const decoder = new TextDecoder()
  const reader = response.body?.getReader()
  while (reader && found.length < count) {
    const { value, done } = await reader.read()
    if (done) break
    text += decoder.decode(value, { stream: true })
    const messages = text.split('\n\n')
    text = messages.pop() ?? ''
    found.push(...messages.map(toEvent).filter((one) => one.event === event))
  }
  await reader?.cancel()
  return found
}

function toEvent(message: string): StreamEvent {
  const fields: Record<string, string> = {}
  for (const line of message.split('\n')) {
    const [, name = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? []
    fields[name] = fields[name] === undefined ? value : `${fields[name]}\n${value}`
  }
  return fields
}
