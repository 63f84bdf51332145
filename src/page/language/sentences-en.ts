/** The sentences of entries. Those that begin with `{who}` may be filled with several parts. */
export const SENTENCES_EN = {
  somebody: 'Somebody',
  actorAsUser: '{actor} as {user}',
  apiKeyAlone: 'An API key',
  apiKeyNamed: 'API key {actor}',
  serviceAlone: 'A service',
  serviceNamed: 'Service {actor}',
  systemAlone: 'The system',
  systemNamed: 'The system, {actor}',
  agentAlone: 'An AI agent',
  agentNamed: 'AI agent {actor}',

  // What was done. `{verb}` is in the past, in `tried` its infinitive.
  did: '{who} {verb} {object}',
  didAlone: '{who} {verb}',
  didIn: '{who} {verb} in {object}',
  wasDone: '{object} was {verb}',
  tried: '{who} tried to {verb} {object}',
  triedAlone: '{who} tried to {verb}',
  // The verb is not in the table of the language.
  unknownVerb: '{who}: {verb} {object}',
  noVerb: '{who} · {thing}',
  noEntity: '{who} did {action}',

  // To what
  quoted: '“{text}”',
  theThing: 'the {thing}',
  ofType: ' of {type}',
  ofTargets: ' of {count} target| of {count} targets',
  andMore: ' and {count} more',
  colon: ': ',
  nothing: 'nothing',
  denied: 'denied',
  failed: 'failed',
  attempted: 'attempted',

  // Who read the log
  readLog: '{who} read the log',
  readEntry: '{who} opened an entry of the log',
  readLive: '{who} watched the log live',
  readCount: '{who} counted entries of the log',
  readExport: '{who} exported {what} as {format}',
  theLog: 'the log',
  readHistory: '{who} read the history of {target}',
  whatNames: 'what names {id}',
  aFile: 'a file',
  keptOut: 'Somebody was kept from reading the log',
  keptOutTimes:
    'Somebody was kept from reading the log {count} time more|Somebody was kept from reading the log {count} times more',
  noReason: 'for no known reason',

  // What was done to the log itself
  holdPlaced: '{who} placed a hold: {reason}',
  holdReleased: '{who} released a hold: {reason}',
  tokenMade: '{who} made the token {name}',
  tokenRevoked: '{who} revoked the token {name}',
  removed: '{who} removed {entries} of {partition} by policy',
  removalUndone: '{who} took back the removal of {entries} of {partition}',
  broughtBack: '{who} brought {entries} of {partition} back from an archive',
  keyReplaced: '{who} replaced the key of the seal: {reason}',
  fieldsErased: '{who} erased fields of {entries}: {reason}',
  someEntries: 'entries',
  policyRemoved: '{who} removed the policy of {actions}',
  policyUndone: '{who} took back a change of the policy of {actions}',
  policyForEver: '{who} set a policy: {actions} is kept forever',
  policyFor: '{who} set a policy: {actions} is kept for {time}',
  importBegun: '{who} began the import {name}',
  importResumed: '{who} went on with the import {name}',
  importEnded: '{who} ended the import {name}: {entries} logged',

  // What is missing
  gap: 'Entries may be missing here: {lane} was emptied before all of it was moved to the log',
  gapAtMost:
    'Entries may be missing here, at most {count}: {lane} was emptied before all of it was moved to the log',
  aLane: 'a lane',
  dropped: 'Entries are missing here: a recorder dropped them',
  droppedSome:
    '{count} entry is missing here, dropped by a recorder: {reasons}|{count} entries are missing here, dropped by a recorder: {reasons}',
  dropFull: 'the buffer was full',
  dropUnshapable: 'not a valid entry',
  dropReserved: 'its action is the product’s own',
  dropClosed: 'recorded after close()',
  dropReentrant: 'recorded inside record()',
  dropDisabled: 'no database is configured',
  dropTimeout: 'not written before the close timeout',
  dropRefused: 'refused by the database',
} as const
