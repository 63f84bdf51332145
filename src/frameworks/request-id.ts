import { createIdGenerator } from '../ids/uuid7.ts'

/** Anything longer, or with anything else in it, did not come from a tracing proxy. */
const REQUEST_ID = /^[\w.:\-/=+]{1,128}$/

/** A request id that is safe to store, to log and to send back; undefined for any other value. */
export function validRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && REQUEST_ID.test(value) ? value : undefined
}

// In order of time, so that the log's index on them grows at its end. At random each one's place is on
// another page, which cost a relay a quarter of its rate in a log of 50 million entries.
const nextId = createIdGenerator()

/**
 * The id that the application gave already, else the incoming header's, else a new UUIDv7.
 *
 * A header that was sent twice arrives joined with a comma, or as an array, and is not taken.
 */
export function chooseRequestId(given: unknown, incoming: unknown): string {
  return validRequestId(given) ?? validRequestId(incoming) ?? nextId(Date.now())
}
