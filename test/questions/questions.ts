import { AS_TYPED } from './as-typed.ts'
import type { Label } from './small-log.ts'

export interface Question {
  readonly by: 'support' | 'admin' | 'auditor'
  /** As somebody would say it. */
  readonly asked: string
  /** Where questions of the kind are asked in public. */
  readonly seenIn: string
  /** What is typed into the query line. */
  readonly line: string
  /** The entries that answer it, in the order of the log. */
  readonly answer: readonly Label[]
}

const GITHUB =
  'docs.github.com: searching the audit log for your enterprise, reviewing it for your organization'
const OKTA = 'developer.okta.com: System Log query; help.okta.com: suspicious activity events'
const DATADOG = 'docs.datadoghq.com: log search syntax'
const DEPLOYHQ = 'deployhq.com: audit log'
const TELEPORT = 'gravitational/teleport#8155'
const GROWTHBOOK = 'growthbook/growthbook#2801'
const KEYCLOAK = 'keycloak/keycloak#19289'
const KORTIX = 'kortix-ai/suna#5383'
const OPENAEV = 'OpenAEV-Platform/openaev#6671'
const FLAGSMITH = 'Flagsmith/flagsmith#7569'
const EAS = 'KR8MER/eas-station#2306'
const KEEPIT = 'help.keepit.com: view the audit logs'
const CENTREON = 'centreon-archive/centreon-archived#1450'
const IBM_AU2 = 'cloud.ibm.com: AU-2, audit events'
const QAD = 'qad.com: displaying deleted audit data'

/** Ordinary questions, written down from public pages before the query line was built. */
const ORDINARY: readonly Question[] = [
  {
    by: 'support',
    asked: "What happened to Maria's order? I have her e-mail.",
    seenIn: KORTIX,
    line: 'maria@x.example',
    answer: ['ordered', 'refunded', 'emailChanged'],
  },
  {
    by: 'support',
    asked: 'All of order ORD-1001?',
    seenIn: KORTIX,
    line: 'ord-1001',
    answer: ['ordered'],
  },
  {
    by: 'support',
    asked: 'Who touched this order? I have its id.',
    seenIn: GITHUB,
    line: 'on:00000000-0000-4000-8000-000000000031',
    answer: ['ordered', 'refundDenied', 'refunded'],
  },
  {
    by: 'support',
    asked: 'Where does invoice INV-2026-0042 appear?',
    seenIn: DATADOG,
    line: 'INV-2026-0042',
    answer: ['paid'],
  },
  {
    by: 'support',
    asked: 'What has Maria Santos done herself, or somebody for her?',
    seenIn: OPENAEV,
    line: 'by:"Maria Santos"',
    answer: ['planChanged', 'ordered', 'paid', 'emailChanged'],
  },
  {
    by: 'support',
    asked: 'Which refunds and which payments were there?',
    seenIn: GITHUB,
    line: 'action:refund.* or invoice.*',
    answer: ['paid', 'refundDenied', 'refunded'],
  },
  {
    by: 'support',
    asked: 'Why could nobody refund it? What was denied?',
    seenIn: KEEPIT,
    line: 'outcome:denied',
    answer: ['refundDenied'],
  },
  {
    by: 'support',
    asked: 'Refunds of more than 30.00?',
    seenIn: DATADOG,
    line: 'action:refund.issue meta.cents>3000',
    answer: ['refundDenied'],
  },
  {
    by: 'support',
    asked: "Who changed this customer's e-mail?",
    seenIn: EAS,
    line: 'changed:email',
    answer: ['emailChanged'],
  },
  {
    by: 'support',
    asked: 'What came from the address in the ticket?',
    seenIn: KEYCLOAK,
    line: 'ip:203.0.113.7',
    answer: ['planChanged', 'ordered', 'paid'],
  },
  {
    by: 'support',
    asked: 'Everything of the request that the user quoted?',
    seenIn: OKTA,
    line: 'request:req-77',
    answer: ['reportBegun', 'reportDone'],
  },
  {
    by: 'support',
    asked: 'What has happened in the last two hours, without those who read the log?',
    seenIn: CENTREON,
    line: 'after:-2h -audit.read',
    answer: ['dropped', 'memberRemoved'],
  },
  {
    by: 'support',
    asked: 'Which customers on the gold plan ordered?',
    seenIn: DATADOG,
    line: 'meta.plan=gold',
    answer: ['ordered'],
  },
  {
    by: 'support',
    asked: 'Yesterday, in Globex?',
    seenIn: GITHUB,
    line: 'event:Globex date:yesterday',
    answer: ['venueDeleted', 'venueRenamed', 'flagToggled'],
  },
  {
    by: 'support',
    asked: 'All but what the product writes itself, since yesterday?',
    seenIn: GROWTHBOOK,
    line: '-audit.* after:yesterday',
    answer: [
      ...(['keyCreated', 'guestsExported', 'venueDeleted', 'venueRenamed', 'flagToggled'] as const),
      ...(['mfaOff', 'reportBegun', 'reportDone', 'memberRemoved'] as const),
    ],
  },
  {
    by: 'admin',
    asked: 'Who of us changed a role?',
    seenIn: EAS,
    line: 'changed:role',
    answer: ['roleChanged'],
  },
  {
    by: 'admin',
    asked: 'What has Ada Lovelace done?',
    seenIn: KORTIX,
    line: 'by:"Ada Lovelace"',
    answer: ['refunded', 'roleChanged', 'mfaOff', 'reportBegun', 'reportDone', 'memberRemoved'],
  },
  {
    by: 'admin',
    asked: 'What has anybody called Ada changed? Every update.',
    seenIn: OKTA,
    line: 'by:ada action:*.update',
    answer: ['venueRenamed', 'mfaOff'],
  },
  {
    by: 'admin',
    asked: 'Who switched two-factor sign-in off?',
    seenIn: FLAGSMITH,
    line: 'changed:settings.mfa',
    answer: ['mfaOff'],
  },
  {
    by: 'admin',
    asked: 'Which sign-ins failed this week?',
    seenIn: FLAGSMITH,
    line: 'action:session.create outcome:failed date:"this week"',
    answer: ['loginFailed'],
  },
  {
    by: 'admin',
    asked: 'Who made that API key?',
    seenIn: DEPLOYHQ,
    line: 'action:api_key.create',
    answer: ['keyCreated'],
  },
  {
    by: 'admin',
    asked: 'What has the key been used for?',
    seenIn: DEPLOYHQ,
    line: 'kind:api_key',
    answer: ['guestsExported'],
  },
  {
    by: 'admin',
    asked: 'Who deleted the Old Mill?',
    seenIn: QAD,
    line: 'action:*.delete on:"Old Mill"',
    answer: ['venueDeleted'],
  },
  {
    by: 'admin',
    asked: 'Did something happen to the barn, also together with others?',
    seenIn: GITHUB,
    line: 'on:00000000-0000-4000-8000-000000000034',
    answer: ['venueDeleted', 'venueRenamed'],
  },
  {
    by: 'admin',
    asked: 'Who switched dark_mode?',
    seenIn: TELEPORT,
    line: 'dark_mode',
    answer: ['flagToggled'],
  },
  {
    by: 'admin',
    asked: 'Anything from outside of the office network on 4 May?',
    seenIn: GITHUB,
    line: '-ip:10.0.0.0/8 date:"4 May"',
    answer: ['roleChanged'],
  },
  {
    by: 'admin',
    asked: 'Why was somebody removed?',
    seenIn: OKTA,
    line: 'action:member.remove "left the company"',
    answer: ['memberRemoved'],
  },
  {
    by: 'admin',
    asked: 'Which venue was called Red Barn?',
    seenIn: EAS,
    line: '"red barn"',
    answer: ['venueRenamed'],
  },
  {
    by: 'admin',
    asked: 'What did agents do that was finished?',
    seenIn: OKTA,
    line: 'kind:agent outcome:done',
    answer: ['reportDone'],
  },
  {
    by: 'auditor',
    asked: 'Who acted as somebody else?',
    seenIn: IBM_AU2,
    line: 'actor:"Grace Hopper"',
    answer: ['emailChanged'],
  },
  {
    by: 'auditor',
    asked: 'Every exported or downloaded file?',
    seenIn: IBM_AU2,
    line: 'action:*.export or *.download',
    answer: ['downloaded', 'guestsExported', 'reportBegun', 'reportDone'],
  },
  {
    by: 'auditor',
    asked: 'What was denied, failed, or was begun and not finished?',
    seenIn: OKTA,
    line: 'outcome:denied or failed or attempted',
    answer: ['refundDenied', 'loginFailed', 'reportBegun'],
  },
  {
    by: 'auditor',
    asked: 'All of April?',
    seenIn: CENTREON,
    line: 'date:"April 2026"',
    answer: ['downloaded'],
  },
  {
    by: 'auditor',
    asked: 'From 1 to 2 May, both included?',
    seenIn: GITHUB,
    line: 'created:2026-05-01..2026-05-02',
    answer: ['ordered', 'paid', 'refundDenied'],
  },
  {
    by: 'auditor',
    asked: 'Who has read this log?',
    seenIn: IBM_AU2,
    line: 'action:audit.read',
    answer: ['logRead'],
  },
  {
    by: 'auditor',
    asked: 'Does the log say that anything was lost?',
    seenIn: IBM_AU2,
    line: 'action:audit.drop or audit.gap',
    answer: ['dropped'],
  },
  {
    by: 'auditor',
    asked: 'Does any key hold the scope write?',
    seenIn: DEPLOYHQ,
    line: 'action:api_key.* meta.scopes=write',
    answer: ['keyCreated'],
  },
  {
    by: 'auditor',
    asked: 'From our own network, through a proxy that speaks IPv6, too?',
    seenIn: KEYCLOAK,
    line: 'ip:10.0.0.0/24',
    answer: ['refundDenied', 'emailChanged', 'mfaOff'],
  },
  {
    by: 'auditor',
    asked: 'From that IPv6 network?',
    seenIn: KEYCLOAK,
    line: 'ip:2001:db8::/32',
    answer: ['guestsExported'],
  },
  {
    by: 'auditor',
    asked: 'Since 3 May in the afternoon, by Linus or by Grace, without reads?',
    seenIn: OPENAEV,
    line: 'after:"3 May 14:00" by:Linus or "Grace Hopper" -action:audit.read',
    answer: ['emailChanged', 'loginFailed', 'loggedIn', 'keyCreated', 'guestsExported'],
  },
]

/** What is answered by one line. */
export const QUESTIONS: readonly Question[] = [...ORDINARY, ...AS_TYPED]
