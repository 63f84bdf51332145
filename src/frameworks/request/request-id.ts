import { createIdGenerator } from '../../ids/uuid7.ts'

/** A longer id, or one with other characters, did not come from a tracing proxy. */
const REQUEST_ID = /^[\w.:\-/=+]{1,128}$/

/** The id that a request got, on the request itself, so that plugins on top of each other agree. */
export const kRequestId: unique symbol = Symbol.for('audit-outbox.requestId')

/** A request id that is safe to store, to log and to send back; undefined for any other value. */
export function validRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && REQUEST_ID.test(value) ? value : undefined
}

// Ordered by time, so that the log's index on request ids grows at its end. Random ids fall on
// random pages of the index, which cost a relay a quarter of its rate in a log of 50 million
// entries.
const nextId = createIdGenerator()

/**
 * The application's own id, else the id in the incoming header, else a new UUIDv7. Ids that are not
 * valid are skipped.
 *
 * A header that was sent twice is not valid, because it arrives joined with a comma or as an array.
 */
export function chooseRequestId(given: unknown, incoming: unknown): string {
  return validRequestId(given) ?? validRequestId(incoming) ?? nextId(Date.now())
}
