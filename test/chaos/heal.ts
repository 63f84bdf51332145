import { setTimeout as sleep } from 'node:timers/promises'
import type { Scene } from './scene.ts'

const GIVE_UP_MS = 60_000
const GOAL_MS = 5_000

export interface Healed {
  readonly wrong: readonly string[]
  readonly figures: Readonly<Record<string, number>>
}

/**
 * Makes everything whole, stops the load, waits until all of it is in the log, and ends every
 * process in an orderly way. What was half-open before stays so: a network heals, its connections
 * do not.
 */
export async function heal(scene: Scene, say: (line: string) => void): Promise<Healed> {
  const wrong: string[] = []
  for (const proxy of scene.proxies.values()) await proxy.set({ kind: 'pass' })
  for (const relay of scene.relays) relay.resume()
  await scene.server.start()
  const beganMs = performance.now()
  for (const writer of scene.writers) writer.tell({ quiet: true })
  const isEmpty = async () => {
    for (const writer of scene.writers) writer.tell({ quiet: true }) // it may just have begun
    return areWritersEmpty(scene) && (await areLanesEmpty(scene))
  }
  const emptyMs = await until(isEmpty)
  if (emptyMs === undefined) wrong.push(`not empty ${GIVE_UP_MS} ms after healing`)
  say(`buffers and lanes empty ${emptyMs} ms after healing (goal: ${GOAL_MS})`)
  for (const writer of scene.writers) {
    if (!(await writer.finish())) wrong.push(`${writer.name} did not end`)
  }
  const closedMs = Math.round(performance.now() - beganMs)
  if ((await until(() => areLanesEmpty(scene))) === undefined) wrong.push('lanes do not empty')
  for (const relay of scene.relays) {
    if (!(await relay.finish())) wrong.push(`${relay.name} did not end`)
  }
  say(`writers closed ${closedMs} ms after healing; relays stopped`)
  return { wrong, figures: { 'empty after healing, ms': emptyMs ?? GIVE_UP_MS } }
}

function areWritersEmpty(scene: Scene): boolean {
  return scene.writers.every(({ name }) => {
    const news = scene.news.get(name)
    return news?.isQuiet === true && news.buffered === 0
  })
}

async function areLanesEmpty(scene: Scene): Promise<boolean> {
  const rows = await scene.ask(
    (sql) => sql<{ empty: boolean }[]>`
      select not exists (select from audit.audit_staging)
        and not exists (select from audit.audit_outbox) as empty`,
  )
  return rows?.[0]?.empty === true
}

async function until(condition: () => Promise<boolean>): Promise<number | undefined> {
  const beganMs = performance.now()
  while (performance.now() - beganMs < GIVE_UP_MS) {
    if (await condition()) return Math.round(performance.now() - beganMs)
    await sleep(50)
  }
  return undefined
}
