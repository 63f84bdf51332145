import { type } from 'arktype'
import { defineActions } from 'audit-outbox'
import * as v from 'valibot'
import { z } from 'zod'

/** One action for each library. */
export const actions = defineActions({
  'branding.update': {
    entityType: 'event',
    metadata: z.object({
      color: z.string(),
      theme: z.enum(['light', 'dark']).optional(),
      until: z.date().optional(),
    }),
    describe: (entry) => `The colour was changed to ${entry.metadata.color.toUpperCase()}`,
  },
  'refund.issue': {
    metadata: v.object({ cents: v.number(), reason: v.optional(v.nullable(v.string())) }),
    lane: 'outbox',
    describe: (entry) => `${(entry.metadata.cents / 100).toFixed(2)} were paid back`,
  },
  'project.archive': { metadata: type({ reason: 'string | null', 'tags?': 'string[]' }) },
  'name.trim': { metadata: z.object({ name: z.string().trim().default('none') }) },
  'slow.check': { metadata: z.object({ id: z.string().refine(async () => true) }) },
  'guest.check_in': {},
})
