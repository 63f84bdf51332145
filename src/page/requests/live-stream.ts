import type { LogFilter } from '../../read/filter.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { tail } from '../../read/tail.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import type { Pulse } from './head-watcher.ts'
import type { Html } from '../view/view-state.ts'

const HEARTBEAT_MS = 15_000
/** What the browser waits before it connects again. */
const RETRY_MS = 1_000

export interface LiveOptions {
  readonly db: AuditDatabase
  readonly pulse: Pulse
  readonly filter: LogFilter
  /** The first number that is wanted. */
  readonly fromSeq: number
  readonly draw: (entry: LoggedEntry) => Html | Promise<Html>
  readonly onEnd: () => void
  /** @default 15 000 */
  readonly heartbeatMs?: number | undefined
}

/**
 * New entries as server-sent events, each already drawn as the line that it becomes; its id is the
 * entry's `seq`, so a browser that connects again names the last one it has, and none is missed.
 * The reader sets the pace: nothing is read ahead of a connection that does not take it.
 */
export function liveStream(options: LiveOptions): ReadableStream<Uint8Array> {
  const { pulse, onEnd } = options
  const halt = new AbortController()
  const stopWatching = pulse.watch()
  const encoder = new TextEncoder()
  const messages = liveMessages(options, halt.signal)
  const end = () => {
    halt.abort()
    stopWatching()
    onEnd()
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await messages.next()
          if (!done) return controller.enqueue(encoder.encode(value))
        } catch {
          // What trying again cannot mend: the browser is told by the connection's end.
        }
        end()
        controller.close()
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  )
}

type News = { readonly entry: LoggedEntry } | 'heartbeat' | 'lost' | 'found' | 'end'

async function* liveMessages(options: LiveOptions, signal: AbortSignal): AsyncGenerator<string> {
  const { db, pulse, filter, fromSeq, draw, heartbeatMs = HEARTBEAT_MS } = options
  const { from, to, ...lasting } = filter
  yield `retry: ${RETRY_MS}\n\n`
  if (pulse.isLost) yield message('state', 'lost')
  const entries = tail(db, { fromSeq, filter: lasting, signal, wake: pulse })
  let next = nextEntry(entries)
  let other = elsewhere(pulse, heartbeatMs, signal)
  while (!signal.aborted) {
    const news = await Promise.race([next, other])
    if (news === 'end') return
    if (typeof news === 'string') {
      other = elsewhere(pulse, heartbeatMs, signal)
      yield news === 'heartbeat' ? ': still here\n\n' : message('state', news)
    } else {
      next = nextEntry(entries)
      if (from !== undefined && recordedMs(news.entry.id) < Number(from)) continue
      yield `id: ${news.entry.seq}\n${message('entry', String(await draw(news.entry)))}`
    }
  }
}

function nextEntry(entries: AsyncIterator<LoggedEntry, void>): Promise<News> {
  const next = entries
    .next()
    .then(({ value, done }): News => (done || !value ? 'end' : { entry: value }))
  next.catch(() => {}) // met where it is awaited, or the connection has ended before
  return next
}

/** What else there is to say; after a while, that there is nothing: proxies end what is silent. */
function elsewhere(pulse: Pulse, waitMs: number, signal: AbortSignal): Promise<News> {
  return new Promise((resolve) => {
    const over = new AbortController()
    const say = (news: News) => {
      clearTimeout(timer)
      over.abort()
      resolve(news)
    }
    const timer = setTimeout(() => say('heartbeat'), waitMs)
    pulse.addEventListener('lost', () => say('lost'), { signal: over.signal })
    pulse.addEventListener('found', () => say('found'), { signal: over.signal })
    signal.addEventListener('abort', () => say('end'), { signal: over.signal })
  })
}

/** Each line of the data is a line of its own there, whichever sign ends it. */
function message(event: string, data: string): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
  return `event: ${event}\n${lines.join('')}\n`
}
