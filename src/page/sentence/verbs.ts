/** Past tense of irregular verbs and of verbs that double their last letter. */
const PAST: Readonly<Record<string, string>> = {
  begin: 'began',
  bind: 'bound',
  bring: 'brought',
  build: 'built',
  buy: 'bought',
  choose: 'chose',
  cut: 'cut',
  do: 'did',
  draw: 'drew',
  drop: 'dropped',
  find: 'found',
  forget: 'forgot',
  get: 'got',
  give: 'gave',
  go: 'went',
  hide: 'hid',
  hold: 'held',
  keep: 'kept',
  leave: 'left',
  log: 'logged',
  login: 'logged in',
  logout: 'logged out',
  lose: 'lost',
  make: 'made',
  map: 'mapped',
  opt: 'opted',
  overwrite: 'overwrote',
  pay: 'paid',
  permit: 'permitted',
  pin: 'pinned',
  plan: 'planned',
  put: 'put',
  read: 'read',
  rebuild: 'rebuilt',
  refer: 'referred',
  reset: 'reset',
  run: 'ran',
  scan: 'scanned',
  see: 'saw',
  sell: 'sold',
  send: 'sent',
  set: 'set',
  ship: 'shipped',
  show: 'showed',
  shut: 'shut',
  signin: 'signed in',
  signout: 'signed out',
  signup: 'signed up',
  skip: 'skipped',
  split: 'split',
  spend: 'spent',
  stop: 'stopped',
  submit: 'submitted',
  swap: 'swapped',
  tag: 'tagged',
  take: 'took',
  transfer: 'transferred',
  unbind: 'unbound',
  undo: 'undid',
  unpin: 'unpinned',
  win: 'won',
  withdraw: 'withdrew',
  write: 'wrote',
}

/** What a verb probably does. Used for the colour of a row's mark and for nothing else. */
export type ActionKind = 'created' | 'changed' | 'removed' | 'read' | 'other'

const KINDS: readonly (readonly [ActionKind, ReadonlySet<string>])[] = [
  ['created', words('create add invite register upload import grant enable connect publish issue')],
  ['created', words('insert provision approve activate restore start')],
  [
    'changed',
    words('update edit set change rename move toggle patch modify reset assign transfer'),
  ],
  ['changed', words('revert replace reorder schedule configure rotate check attach merge put')],
  [
    'removed',
    words('delete remove revoke cancel disable disconnect archive purge reject unpublish'),
  ],
  ['removed', words('refund ban block close terminate stop detach deactivate decline fail drop')],
  ['read', words('read view get list describe export download search open_page show fetch lookup')],
]

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}

/** `feature_flag`, `featureFlag` and `feature-flag` become `feature flag`. */
export function splitWords(name: string): string {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[_\-.\s]+/g, ' ')
    .trim()
    .toLowerCase()
}

/** `update` becomes `updated`, `check in` becomes `checked in`. */
export function pastTense(words: string): string {
  const [verb = '', ...rest] = words.split(' ')
  return [pastOf(verb), ...rest].join(' ')
}

const INFINITIVES: Readonly<Record<string, string>> = {
  login: 'log in',
  logout: 'log out',
  signin: 'sign in',
  signout: 'sign out',
  signup: 'sign up',
}

/** As in "tried to check in". */
export function infinitive(words: string): string {
  const [verb = '', ...rest] = words.split(' ')
  const known = Object.hasOwn(INFINITIVES, verb) ? INFINITIVES[verb] : undefined
  return [known ?? verb, ...rest].join(' ')
}

function pastOf(verb: string): string {
  const known = Object.hasOwn(PAST, verb) ? PAST[verb] : undefined
  if (known !== undefined) return known
  if (!/^[a-z]+$/.test(verb) || verb.endsWith('ed')) return verb
  if (verb.endsWith('e')) return `${verb}d`
  if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ied`
  return `${verb}ed`
}

export function actionKind(verb: string): ActionKind {
  const [first = ''] = splitWords(verb).split(' ')
  return KINDS.find(([, verbs]) => verbs.has(first))?.[0] ?? 'other'
}
