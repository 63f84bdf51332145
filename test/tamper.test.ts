import assert from 'node:assert/strict'
import { test } from 'node:test'
import postgres from 'postgres'
import { scratchDatabase } from './support/database.ts'
import { PARTS } from './tamper/parts.ts'
import { play } from './tamper/play.ts'
import { makeScene } from './tamper/scene.ts'

// The same as `npm run test:tamper` on a smaller log.

for (const [part, tamperings] of Object.entries(PARTS)) {
  test(`tampering: ${part}`, async (t) => {
    const { url } = await scratchDatabase(t)
    const scene = await makeScene(url, { sealed: 1_000, unsealed: 50 })
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    t.after(() => sql.end({ timeout: 1 }))
    const [found, expected]: [Record<string, unknown>, Record<string, unknown>] = [{}, {}]
    for (const tampering of tamperings) {
      const { anchored, alone } = await play(sql, scene, tampering)
      const seen = ({ code, kinds }: typeof anchored) => ({ code, kinds })
      found[tampering.name] = { anchored: seen(anchored), alone: seen(alone) }
      expected[tampering.name] = { anchored: tampering.anchored, alone: tampering.alone }
    }
    assert.deepEqual(found, expected)
  })
}
