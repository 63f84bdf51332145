import type { Question } from './questions.ts'

const NEXTCLOUD = 'nextcloud/activity#288'
const KORE = 'appvia/kore#412'
const DATADOG = 'docs.datadoghq.com: log search syntax'
const OKTA = 'developer.okta.com: System Log query'
const SCRUB = 'scrubmetadata.com: organization audit log query interface'
const KODAMA = 'kodama.com: audit logging that auditors accept'
const INDUCTIVE = 'docs.inductiveautomation.com: queryAuditLog'
const CLOUDSMITH = 'help.cloudsmith.io: organization audit logs'

/** Questions as somebody types them who has not read how the line is written. */
export const AS_TYPED: readonly Question[] = [
  {
    by: 'support',
    asked: 'Who changed the plan?',
    seenIn: NEXTCLOUD,
    line: 'who changed the plan',
    answer: ['planChanged'],
  },
  {
    by: 'support',
    asked: 'Everything about number ORD-1001? It is somewhere in the details.',
    seenIn: DATADOG,
    line: 'number:ORD-1001',
    answer: ['ordered'],
  },
  {
    by: 'support',
    asked: 'Refunds above 20.00?',
    seenIn: DATADOG,
    line: 'refunds cents > 2000',
    answer: ['refundDenied', 'refunded'],
  },
  {
    by: 'support',
    asked: 'What happened in the minutes around ten past ten on Tuesday night?',
    seenIn: DATADOG,
    line: 'around:"tuesday 22:10"',
    answer: ['loginFailed', 'loggedIn'],
  },
  {
    by: 'support',
    asked: 'All from 1 to 3 May?',
    seenIn: KORE,
    line: '1..3 May',
    answer: ['ordered', 'paid', 'refundDenied', 'refunded', 'emailChanged'],
  },
  {
    by: 'support',
    asked: 'Any failed logins?',
    seenIn: SCRUB,
    line: 'failed logins',
    answer: ['loginFailed'],
  },
  {
    by: 'support',
    asked: 'Was war gestern?',
    seenIn: NEXTCLOUD,
    line: 'gestern',
    answer: ['keyCreated', 'guestsExported', 'venueDeleted', 'venueRenamed', 'flagToggled'],
  },
  {
    by: 'admin',
    asked: 'What did somebody do on behalf of a customer?',
    seenIn: KODAMA,
    line: 'is:impersonated',
    answer: ['emailChanged'],
  },
  {
    by: 'admin',
    asked: 'What was deleted or removed?',
    seenIn: NEXTCLOUD,
    line: 'deleted or removed',
    answer: ['venueDeleted', 'memberRemoved'],
  },
  {
    by: 'admin',
    asked: 'All logins of Linus from outside the office?',
    seenIn: KORE,
    line: 'logins by linus -ip:10.0.0.0/8',
    answer: ['loginFailed', 'loggedIn'],
  },
  {
    by: 'admin',
    asked: 'Who was made an admin?',
    seenIn: KODAMA,
    line: 'changed:role admin',
    answer: ['roleChanged'],
  },
  {
    by: 'admin',
    asked: 'What happened on the last weekend?',
    seenIn: KORE,
    line: 'last weekend',
    answer: ['refundDenied', 'refunded', 'emailChanged'],
  },
  {
    by: 'admin',
    asked: 'What was done on Wednesday between 9 and 11?',
    seenIn: INDUCTIVE,
    line: 'wednesday between 9am and 11am',
    answer: ['venueDeleted', 'venueRenamed'],
  },
  {
    by: 'admin',
    asked: 'What did our API keys do?',
    seenIn: CLOUDSMITH,
    line: 'is:api_key',
    answer: ['guestsExported'],
  },
  {
    by: 'auditor',
    asked: 'All of the last quarter of 2025?',
    seenIn: SCRUB,
    line: 'Q4 2025',
    answer: ['planChanged'],
  },
  {
    by: 'auditor',
    asked: 'Which entries have no user?',
    seenIn: KODAMA,
    line: 'no:user',
    answer: ['dropped'],
  },
  {
    by: 'auditor',
    asked: 'Which sign-ins were by password?',
    seenIn: SCRUB,
    line: 'method:password',
    answer: ['loginFailed'],
  },
  {
    by: 'auditor',
    asked: 'As I write it in Okta: failed sessions?',
    seenIn: OKTA,
    line: 'eventType eq "session.create" and outcome.result eq "FAILURE"',
    answer: ['loginFailed'],
  },
  {
    by: 'auditor',
    asked: 'Exports of more than 1,000 rows?',
    seenIn: SCRUB,
    line: 'exports rows>1000',
    answer: ['guestsExported'],
  },
  {
    by: 'auditor',
    asked: 'Which entries give a reason?',
    seenIn: KODAMA,
    line: 'has:reason',
    answer: ['refundDenied', 'memberRemoved'],
  },
]
