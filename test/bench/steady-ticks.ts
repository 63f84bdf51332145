import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * Imported before anything else by each process whose handlers are measured.
 *
 * A server of Node 20 comes out of its start in one of two states, by chance, and stays there: in
 * one of them each `process.nextTick` calls into the engine to make its tick
 * (`Runtime_DefineKeyedOwnPropertyInLiteral` in a profile; what decides it is not known). A request of
 * Fastify's hello world takes 19 to 20 µs then instead of 15 to 16, audited or not: more than what is
 * to be measured. Behind many ticks at once, this early, six starts of six came out in the fast one.
 */
const TURNS = 50
const TICKS = 200

for (let turn = 0; turn < TURNS; turn += 1) {
  for (let tick = 0; tick < TICKS; tick += 1) process.nextTick(() => {})
  await nextTurn()
}
