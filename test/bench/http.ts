import { reportHttp } from './http-report.ts'
import { HttpScene } from './http-scene.ts'
import { type FixedRate, VARIANTS, type Variant } from './http-variants.ts'
import type { Part } from './part.ts'
import { interleave } from './rounds.ts'

// What auditing costs a live server, compared with what else a handler could do with an entry.

const FULL = { rounds: 5, warmUpMs: 1_500, measureMs: 3_000, fixedMs: 60_000, anchorMs: 20_000 }
const QUICK = { rounds: 1, warmUpMs: 300, measureMs: 400, fixedMs: 2_000, anchorMs: 1_000 }

const REQUESTS_PER_SECOND = 10_000

/** At a rate that does not saturate: what is left of the machine, and of the time. */
async function atFixedRate(
  scene: HttpScene,
  warmUpMs: number,
  anchorMs: number,
  fixedMs: number,
): Promise<FixedRate> {
  const turn = { warmUpMs, requestsPerSecond: REQUESTS_PER_SECOND }
  return {
    anchor: await scene.play({ ...turn, way: 'nothing', measureMs: anchorMs }),
    audited: await scene.play({ ...turn, way: 'record', measureMs: fixedMs }),
    seconds: fixedMs / 1_000,
    requestsPerSecond: REQUESTS_PER_SECOND,
  }
}

export const part: Part = {
  name: 'http',
  summary: 'a saturated Fastify server, audited and not, next to pino and one INSERT per request',
  async run({ isQuick, say }) {
    const { rounds, warmUpMs, measureMs, fixedMs, anchorMs } = isQuick ? QUICK : FULL
    const scene = await HttpScene.set()
    try {
      const playable = Object.entries(VARIANTS as Readonly<Record<string, Variant>>).filter(
        ([, { isPinned }]) => !isPinned || scene.canPin,
      )
      const play = playable.map(([name, { way, isPinned = false }]) => {
        return [name, () => scene.play({ way, isPinned, warmUpMs, measureMs })] as const
      })
      const saturated = await interleave(Object.fromEntries(play), {
        rounds,
        onTurn: (name, round) => say(`round ${round + 1} of ${rounds}: ${name}`),
      })
      say(`${REQUESTS_PER_SECOND} requests a second, for ${fixedMs / 1_000} s`)
      const fixed = await atFixedRate(scene, warmUpMs, anchorMs, fixedMs)
      return reportHttp(saturated, fixed)
    } finally {
      await scene.strike()
    }
  },
}
