import type { DemoDatabase, RoleUrls } from './database.ts'
import type { Party } from './party.ts'
import { bold, dim } from './terminal.ts'

export interface Surroundings {
  readonly database: DemoDatabase
  readonly urls: RoleUrls
  /** The relay's timeline page, with a token. */
  readonly pageUrl: string
  readonly origin: string
  readonly party: Party
  readonly logs: readonly string[]
}

/** Things to try while the demo runs. Each line can be pasted as it is. */
export function tryIt({ database, urls, pageUrl, origin, party, logs }: Surroundings): string {
  const [guest] = party.guests
  const [purchase] = party.purchases
  // The password of the user's own database is not shown.
  const urlOf = (url: string) => (database.isOwn ? `'${url}'` : '"$DATABASE_URL"')
  const why = (text: string) => dim(` # ${text}`)
  return `
  ${bold('The timeline')} ${dim('(leave it open, turn on Live, and try the lines below)')}

${pageUrl}

  ${bold('Try it')} ${dim(`(${party.name})`)}

E=${origin}/events/${party.id}
curl -X PUT  $E/branding -H 'x-user: ada' -d '{"primaryColor":"#be123c"}'
curl -X POST $E/guests/${guest?.id}/check-in -d '{"gate":"A"}'
curl -X PUT  $E/integrations/stripe -d '{"account":"acct_1","password":"hunter2"}'${why('censored')}
curl -X POST $E/collaborators -d '{"email":"you@harbour.example","access":"edit"}'
curl -X POST $E/collaborators -d '{"email":"you@nowhere.invalid","access":"edit"}'${why('rolls back')}
curl -X POST $E/purchases/${purchase?.id}/refunds -d '{"amountCents":100}'
curl $E/timeline

  ${bold('Look inside')}

psql ${urlOf(urls.reader)} \\
  -c 'select seq, action, metadata from audit.audit_log order by seq desc limit 5'
AUDIT_RELAY_DATABASE_URL=${urlOf(urls.relay)} \\
  npx tsx relay/main.ts status
tail -f ${logs.join(' ')}

  ${dim('Ctrl-C stops it.')}
`
}
