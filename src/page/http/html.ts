import { html } from 'hono/html'

/** A template tag that escapes every value that is put in. */
export { html }

/** What the tag makes. */
export type Html = ReturnType<typeof html>
