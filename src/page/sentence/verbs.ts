/** Verbs whose past tense no rule gives, and those that double their last letter. */
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

/** What a verb does, as far as its name tells: for a mark beside the row, never for a decision. */
export type Deed = 'made' | 'changed' | 'removed' | 'read' | 'other'

const DEEDS: readonly (readonly [Deed, ReadonlySet<string>])[] = [
  ['made', set('create add invite register upload import grant enable connect publish issue')],
  ['made', set('insert provision approve activate restore start')],
  ['changed', set('update edit set change rename move toggle patch modify reset assign transfer')],
  ['changed', set('revert replace reorder schedule configure rotate check attach merge put')],
  ['removed', set('delete remove revoke cancel disable disconnect archive purge reject unpublish')],
  ['removed', set('refund ban block close terminate stop detach deactivate decline fail drop')],
  ['read', set('read view get list describe export download search open_page show fetch lookup')],
]

function set(words: string): ReadonlySet<string> {
  return new Set(words.split(' '))
}

/** `feature_flag`, `featureFlag` and `feature-flag` are the words `feature flag`. */
export function inWords(name: string): string {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[_\-.\s]+/g, ' ')
    .trim()
    .toLowerCase()
}

/** `update` is `updated`; of several words the first changes: `check in` is `checked in`. */
export function pastTense(words: string): string {
  const [verb = '', ...rest] = words.split(' ')
  return [pastOf(verb), ...rest].join(' ')
}

function pastOf(verb: string): string {
  const known = Object.hasOwn(PAST, verb) ? PAST[verb] : undefined
  if (known !== undefined) return known
  if (!/^[a-z]+$/.test(verb) || verb.endsWith('ed')) return verb
  if (verb.endsWith('e')) return `${verb}d`
  if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ied`
  return `${verb}ed`
}

export function deedOf(verb: string): Deed {
  const [first = ''] = inWords(verb).split(' ')
  return DEEDS.find(([, verbs]) => verbs.has(first))?.[0] ?? 'other'
}
