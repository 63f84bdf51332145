import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const SHARED = 'src/page/views/shared-views.ts'
const TOLD = 'src/page/views/told-views.ts'
const RECEPTION = 'src/page/requests/reception.ts'
const FOREIGN = 'src/page/http/foreign.ts'
const FILE = 'shared-views.test.ts'
const SCOPE = 'who sees one event shares with those who see it, and with nobody else'
const TOLD_TEST = 'a view that names what is hidden from a viewer is not told to them'
const HIDDEN = 'what is hidden within an event counts, and not the event or who is staff'
const OWN_FORM = 'only a form of the page itself saves or removes a view'
const BY_DEFAULT = 'viewers without an id, of a signed link or of a token share no views by default'
const REPLACED =
  'a view is shared, found by the others, replaced by who saved it, and removed by anybody'
const ERASED = 'erasing a user forgets that they saved a view, and removes those that hold their id'

const inFile = (
  [name, test]: readonly [string, string],
  file: string,
  find: string,
  replace: string,
): Mutant => ({ name, edits: [{ file, find, replace }], file: FILE, test })

export const VIEWS_MUTANTS: readonly Mutant[] = [
  inFile(
    ['the views of every event are listed', SCOPE],
    FUNCTIONS,
    '  where v.event = list_views.event\n',
    '  where true\n',
  ),
  inFile(
    ['a view of another event is removed by its id', SCOPE],
    FUNCTIONS,
    'where v.event = remove_view.event and v.id',
    'where v.id',
  ),
  inFile(
    ['the page shares all views as staff do', SCOPE],
    SHARED,
    "  return onlyEventId ?? ''",
    "  return onlyEventId && ''",
  ),
  inFile(
    ['views of other events count for the most', SCOPE],
    FUNCTIONS,
    '(select count(*) from audit.audit_view as v where v.event = made.event)',
    '(select count(*) from audit.audit_view as v)',
  ),
  inFile(
    ['the last view is saved twice', 'two at a time do not both save the last view'],
    FUNCTIONS,
    '  lock table audit.audit_view in share update exclusive mode;\n',
    '',
  ),
  inFile(
    [
      'who saves a view keeps an erasure waiting',
      'who is about to save a view keeps nobody from erasing or removing others',
    ],
    FUNCTIONS,
    'audit_view in share update exclusive',
    'audit_view in share row exclusive',
  ),
  inFile(
    ['another person replaces a view', REPLACED],
    FUNCTIONS,
    'if is_same is not true then',
    'if is_same is null then',
  ),
  inFile(
    ['saving a view leaves no entry', REPLACED],
    FUNCTIONS,
    "made.entry := audit.put_ours('audit.view_save', made.user_id, seen.metadata, seen.context)",
    'made.entry := gen_random_uuid()',
  ),
  inFile(
    ['a viewer removes a view that they are not told of', TOLD_TEST],
    SHARED,
    'if (!views?.some((view) => view.id === id)) return false',
    'if (views === undefined) return false',
  ),
  inFile(
    ['a view that asks for a hidden field is told', TOLD_TEST],
    TOLD,
    'if (asksForUnseen(asked, seenBy)) return false',
    '',
  ),
  inFile(
    ['words of somebody who sees more are told', TOLD_TEST],
    TOLD,
    "'json', 'changed'] as const",
    "'json', 'changed', 'word'] as const",
  ),
  inFile(
    ['a view names one of the staff', TOLD_TEST],
    TOLD,
    'return staff.some((id) =>',
    'return staff.every((id) =>',
  ),
  inFile(
    ['a viewer from whom people are hidden is told who saved a view', TOLD_TEST],
    SHARED,
    'isNameless || madeBy === null ? undefined',
    'madeBy === null ? undefined',
  ),
  inFile(
    ['views are lost with each colleague who joins', HIDDEN],
    TOLD,
    'staffAs ?? null, [...actions].sort()]',
    'staffAs ?? null, [...actions].sort(), seenBy.staff]',
  ),
  inFile(
    ['a form of another site shares a view', OWN_FORM],
    RECEPTION,
    'if (isForm && !isFromOwnSite(request)) {',
    'if (isForm && isForeign(request)) {',
  ),
  inFile(
    ['another port is the same site', OWN_FORM],
    FOREIGN,
    'return hosts.includes(new URL(from).host)',
    'return hosts.includes(new URL(from).hostname)',
  ),
  inFile(
    ['a viewer of a signed link shares views', BY_DEFAULT],
    SHARED,
    "return userId !== undefined && by === 'session'",
    "return userId !== undefined && by !== 'token'",
  ),
  inFile(
    ['a viewer without an id shares views', BY_DEFAULT],
    SHARED,
    "return userId !== undefined && by === 'session'",
    "return by === 'session'",
  ),
  inFile(
    ['the person who saved a view stays after an erasure', ERASED],
    FUNCTIONS,
    '  update audit.audit_view as v set user_id = null, made_by = null where v.user_id = given;\n',
    '',
  ),
  inFile(
    [
      'the entry about a view is erased, and the view still says who saved it',
      'who saved a view is forgotten with the entry that says so, after a restore, too',
    ],
    FUNCTIONS,
    '  perform audit.forget_makers(changed_ids);\n',
    '',
  ),
]
