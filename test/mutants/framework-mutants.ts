import type { Mutant } from './mutant.ts'

const RECORDER = 'src/frameworks/request/request-recorder.ts'
const DETAILS = 'src/frameworks/request/request-details.ts'
const REQUEST_ID = 'src/frameworks/request/request-id.ts'
const file = 'frameworks.test.ts'

export const FRAMEWORK_MUTANTS: readonly Mutant[] = [
  {
    name: 'a request keeps the user whom it knew first',
    edits: [
      {
        file: RECORDER,
        find: '        isSame &&\n',
        replace: '',
      },
    ],
    file,
    test: 'a user who is known only later is in the entries from then on',
  },
  {
    name: 'a request id of 129 characters is taken',
    edits: [{ file: REQUEST_ID, find: '{1,128}$/', replace: '{1,129}$/' }],
    file,
    test: 'a request id is taken when it is fit to be stored, else made, and sent back',
  },
  {
    name: 'the request ids that are made are in no order',
    edits: [{ file: REQUEST_ID, find: '?? nextId(Date.now())', replace: '?? crypto.randomUUID()' }],
    file,
    test: 'the request ids that it makes are in order of time',
  },
  {
    name: 'the incoming request id wins over the one that the application gave',
    edits: [
      {
        file: REQUEST_ID,
        find: 'validRequestId(given) ?? validRequestId(incoming)',
        replace: 'validRequestId(incoming) ?? validRequestId(given)',
      },
    ],
    file: 'precedence.test.ts',
    test: 'a request id of the application wins over the header, and that over a new one',
  },
  {
    name: 'a user callback that throws fails the request',
    edits: [
      {
        file: 'src/frameworks/request/who-acts.ts',
        find: '    return FAILED // and nothing of the error, which may quote the request',
        replace: "    throw new Error('callback')",
      },
    ],
    file: 'frameworks.test.ts',
    test: 'a callback that throws costs the user, not the request or the entry',
  },
  {
    name: 'the route is the address, with all that it may hold',
    edits: [
      {
        file: 'src/frameworks/hono.ts',
        find: '  route: routeOf,',
        replace: '  route: (c) => c.req.path,',
      },
    ],
    file: 'hono.test.ts',
    test: 'the route is the pattern of the handler, also in middleware and sub-applications',
  },
  {
    name: 'a trace of zeroes is a trace',
    edits: [{ file: DETAILS, find: '(?!0{32})', replace: '' }],
    file,
    test: 'user agent and trace are stored, cut and checked',
  },
  {
    name: 'a user agent of any length is stored',
    edits: [
      {
        file: DETAILS,
        find: 'const MAX_USER_AGENT_CHARACTERS = 256',
        replace: 'const MAX_USER_AGENT_CHARACTERS = 257',
      },
    ],
    file,
    test: 'user agent and trace are stored, cut and checked',
  },
  {
    name: 'a scope of asyncContext remembers the user whom it began with',
    edits: [
      {
        file: RECORDER,
        find: 'return runInScope(() => this.#ask().context, this.#source.recorder, fn)',
        replace: 'return runInScope(this.#ask().context, this.#source.recorder, fn)',
      },
    ],
    file,
    test: 'a user who is known only later is in the entries from then on',
  },
  {
    name: 'a colleague who acts as the user is not looked for again',
    edits: [{ file: RECORDER, find: '        known.actor === actor &&\n', replace: '' }],
    file,
    test: 'a colleague who acts as the user is named by the entry, from then on',
  },
  {
    name: 'one address more than the trusted ones is believed',
    edits: [
      {
        file: 'src/frameworks/request/headers.ts',
        find: 'addresses.at(-hops)',
        replace: 'addresses.at(-hops - 1)',
      },
    ],
    file: 'trusted-hops.test.ts',
    test: 'an address that the client wrote itself is not believed',
  },
  {
    name: 'a job knows the request in which it happens to run',
    edits: [
      {
        file: 'src/context/scope.ts',
        find: 'recorder ?? currentScope()?.recorder, undefined)',
        replace: 'recorder ?? currentScope()?.recorder, currentScope())',
      },
    ],
    file: 'captured-context.test.ts',
    test: 'nothing of the request around it gets into a job',
  },
  {
    name: 'a captured context whose signature is another one is taken',
    edits: [
      {
        file: 'src/context/captured-context.ts',
        find: 'if (keys.length > 0 && !keys.some(',
        replace: 'if (keys.length > 9 && !keys.some(',
      },
    ],
    file: 'captured-context.test.ts',
    test: 'with a key, what was not captured with it is refused',
  },
  {
    name: 'a function answers before its entries are written',
    edits: [
      {
        file: 'src/frameworks/lambda.ts',
        find: '      await source.recorder.flush(',
        replace: '      void source.recorder.flush(',
      },
    ],
    file: 'serverless.test.ts',
    test: 'a function that is frozen when it has answered has written its entries',
  },
]
