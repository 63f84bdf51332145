import type { LogFilter } from '../../read/filter.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { tail } from '../../read/tail.ts'
import { recordedMs } from '../../ids/uuid7.ts'
import type { Html } from '../http/html.ts'
import type { HeadWatcher } from './head-watcher.ts'

const HEARTBEAT_MS = 15_000
/** How long the browser waits before it reconnects. */
const RECONNECT_MS = 1_000

export interface LiveStreamOptions {
  readonly db: AuditDatabase
  readonly headWatcher: HeadWatcher
  readonly filter: LogFilter
  /** The first sequence number to send. */
  readonly fromSeq: number
  readonly renderRow: (entry: LoggedEntry) => Html | Promise<Html | string>
  readonly onEnd: () => void
}

/**
 * New entries as server-sent events. Each holds the HTML of a row, or JSON, and its id is the entry's `seq`:
 * a browser that reconnects names the last one it has, so it misses none. The browser sets the pace;
 * the next entry is read when the connection has taken the one before.
 */
export function liveStream(options: LiveStreamOptions): ReadableStream<Uint8Array> {
  const { headWatcher, onEnd } = options
  const abort = new AbortController()
  const stopWatching = headWatcher.watch()
  const encoder = new TextEncoder()
  const messages = liveMessages(options, abort.signal)
  const end = () => {
    abort.abort()
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
          // A retry cannot repair this. The browser notices that the connection ends.
        }
        end()
        controller.close()
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  )
}

type LiveEvent = { readonly entry: LoggedEntry } | 'heartbeat' | 'lost' | 'found' | 'end'

async function* liveMessages(
  { db, headWatcher, filter, fromSeq, renderRow }: LiveStreamOptions,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { from, to, ...filterWithoutTime } = filter
  yield `retry: ${RECONNECT_MS}\n\n`
  if (headWatcher.isLost) yield eventMessage('state', 'lost')
  const entries = tail(db, { fromSeq, filter: filterWithoutTime, signal, wake: headWatcher })
  let nextEntry = entryEvent(entries)
  let nextSignal = signalEvent(headWatcher, signal)
  while (!signal.aborted) {
    const event = await Promise.race([nextEntry, nextSignal])
    if (event === 'end') return
    if (typeof event === 'string') {
      nextSignal = signalEvent(headWatcher, signal)
      yield event === 'heartbeat' ? ': heartbeat\n\n' : eventMessage('state', event)
    } else {
      nextEntry = entryEvent(entries)
      if (from !== undefined && recordedMs(event.entry.id) < Number(from)) continue
      const row = String(await renderRow(event.entry))
      yield `id: ${event.entry.seq}\n${eventMessage('entry', row)}`
    }
  }
}

function entryEvent(entries: AsyncIterator<LoggedEntry, void>): Promise<LiveEvent> {
  const next = entries
    .next()
    .then(({ value, done }): LiveEvent => (done || !value ? 'end' : { entry: value }))
  // The rejection is handled where it is awaited. If the connection ends first, nobody awaits it.
  next.catch(() => {})
  return next
}

/** The watcher's next state or the connection's end; after a while a heartbeat, for proxies. */
function signalEvent(headWatcher: HeadWatcher, signal: AbortSignal): Promise<LiveEvent> {
  return new Promise((resolve) => {
    const listening = new AbortController()
    const finish = (event: LiveEvent) => {
      clearTimeout(timer)
      listening.abort()
      resolve(event)
    }
    const timer = setTimeout(() => finish('heartbeat'), HEARTBEAT_MS)
    headWatcher.addEventListener('lost', () => finish('lost'), { signal: listening.signal })
    headWatcher.addEventListener('found', () => finish('found'), { signal: listening.signal })
    signal.addEventListener('abort', () => finish('end'), { signal: listening.signal })
  })
}

/** Server-sent events end a line at CR, LF and CRLF, so the data is split at all of them. */
function eventMessage(name: string, data: string): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
  return `event: ${name}\n${lines.join('')}\n`
}
