import { defineActions } from 'audit-outbox'
import { fieldsSchema, schemaThat } from './standard-schemas.ts'

/** A catalogue in a module of its own, for the command line and the page that the relay serves. */
export const actions = defineActions({
  'branding.update': {
    entityType: 'event',
    metadata: fieldsSchema({ color: 'string' }),
    describe: (entry) => `${entry.userId} changed the colour to ${entry.metadata.color}`,
  },
  'refund.issue': {
    metadata: fieldsSchema({ cents: 'number' }),
    lane: 'outbox',
    describe: ({ metadata }) => `Refund of ${(metadata.cents / 100).toFixed(2)} | by *card*`,
  },
  'guest.check_in': {},
  'note.write': { metadata: schemaThat<object>((value) => ({ value })) },
})
