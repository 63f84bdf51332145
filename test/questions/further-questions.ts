import type { Question } from './questions.ts'
import { IDS, type Label } from './small-log.ts'

/** A question whose answer takes more than a line: another view, a file, or a proof. */
export interface FurtherQuestion extends Pick<Question, 'by' | 'asked' | 'seenIn'> {
  /** What is opened, by the ids of the log's entries. */
  readonly address: (idOf: (label: Label) => string) => string
  /** What a person does: the address is typed or chosen, and each click is one more. */
  readonly steps: readonly string[]
  readonly answer: Answer
}

export type Answer =
  /** The rows, the newest first. */
  | { readonly rows: readonly Label[] }
  /** Texts of the page, in this order, without its marks. */
  | { readonly says: readonly string[] }
  /** The lines of a file, in the order of the log. */
  | { readonly file: readonly Label[] }
  /** The entries of a JSON answer, the newest first. */
  | { readonly json: readonly Label[] }
  /** An entry's line and proof hold by the policy. */
  | { readonly proof: number }
  /** A file of an export with proofs holds by the policy, and leaves nothing out. */
  | { readonly whole: number }

const KIMAI = 'kimai/kimai#958'
const LIGHTNING = 'lightning.ai: audit logs, evidence for a SOC 2 review'
const GITLAB = 'gitlab-org/gitlab#1449'
const SHELTER = 'sheltermanager/asm3#703'
const SPATIUM = 'spatiumddi/spatiumddi#79'
const LIGHTDASH = 'lightdash/lightdash#19424'
const CLOUDTRAIL = 'docs.aws.amazon.com: validating CloudTrail log file integrity'
const BACKSTAGE = 'backstage.spotify.com: audit logs, getting started'
const OKTA = 'help.okta.com: suspicious activity events'

const q = (line: string) => `?q=${encodeURIComponent(line)}`

export const FURTHER_QUESTIONS: readonly FurtherQuestion[] = [
  {
    by: 'admin',
    asked: 'When was Maria active first, and when last?',
    seenIn: KIMAI,
    address: () => q('by:"Maria Santos"'),
    steps: ['type the line', 'look at the top and at the bottom'],
    answer: { rows: ['emailChanged', 'paid', 'ordered', 'planChanged'] },
  },
  {
    by: 'auditor',
    asked: 'What was denied or failed in the last 30 days?',
    seenIn: LIGHTNING,
    address: () => `${q('outcome:denied or failed')}&range=-30d`,
    steps: ['type the line', 'choose 30 days'],
    answer: { rows: ['loginFailed', 'refundDenied'] },
  },
  {
    by: 'auditor',
    asked: 'What have people read in the log, and who was it?',
    seenIn: SHELTER,
    address: () => q('action:audit.read context.viewer="Grace Hopper"'),
    steps: ['type the line'],
    answer: { rows: ['logRead'] },
  },
  {
    by: 'support',
    asked: "What was this customer's e-mail before, and who changed it for her?",
    seenIn: SPATIUM,
    address: (idOf) => `${q(`on:${IDS.maria} changed:email`)}&entry=${idOf('emailChanged')}`,
    steps: ['type the line', 'click the entry'],
    answer: { says: ['Grace Hopper', 'maria@x.example', 'maria@y.example'] },
  },
  {
    by: 'support',
    asked: 'What else happened five minutes before and after that failed sign-in?',
    seenIn: OKTA,
    address: (idOf) => `?entry=${idOf('loginFailed')}`,
    steps: ['click the entry', 'click "5 minutes before and after"'],
    answer: { rows: ['loggedIn', 'loginFailed'] },
  },
  {
    by: 'admin',
    asked: 'Who of us has done most this month, and what is done most?',
    seenIn: LIGHTDASH,
    address: () => `${q('date:"this month"')}&bars=1`,
    steps: ['type the line', 'look next to the bars'],
    answer: { says: ['Top actions', 'refund.issue 2', 'Top people', 'Ada Lovelace 4'] },
  },
  {
    by: 'admin',
    asked: 'The same as a file for my spreadsheet: all of Acme this month?',
    seenIn: GITLAB,
    address: () => `${q('event:Acme date:"this month"')}&export=csv`,
    steps: ['type the line', 'click CSV'],
    answer: {
      file: [
        ...([
          'ordered',
          'paid',
          'refundDenied',
          'refunded',
          'emailChanged',
          'roleChanged',
        ] as const),
        ...(['keyCreated', 'guestsExported', 'mfaOff', 'memberRemoved'] as const),
      ],
    },
  },
  {
    by: 'admin',
    asked: 'The failed sign-ins of this week, for our script?',
    seenIn: BACKSTAGE,
    address: () => q('action:session.* outcome:failed date:"this week"'),
    steps: ['ask the address for JSON, with a token'],
    answer: { json: ['loginFailed'] },
  },
  {
    by: 'auditor',
    asked: 'Is this refund what was logged then? I trust nobody here.',
    seenIn: CLOUDTRAIL,
    address: (idOf) => `?entry=${idOf('refunded')}`,
    steps: ['click the entry', 'click its line', 'click its proof', 'run verify-proof.mjs'],
    answer: { proof: 6 },
  },
  {
    by: 'auditor',
    asked: 'Show me all of the log, and that it is all?',
    seenIn: CLOUDTRAIL,
    address: () => '?export=ndjson',
    steps: ['run "audit-relay export --proofs"', 'run "audit-relay verify-export --policy"'],
    answer: { whole: 21 },
  },
]
