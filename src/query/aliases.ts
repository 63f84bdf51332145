/** Other names of qualifiers: what people say, and how other audit logs call the same. */
const ALIASES: Readonly<Record<string, string>> = {
  ...of(
    'action',
    'eventtype eventname evtname operation operationname activity verb aktion accion',
  ),
  ...of(
    'by',
    'who author doneby performedby username useremail actoremail wer von quien por par qui',
  ),
  ...of('user', 'userid usrid usr uid principal impersonated onbehalfof'),
  ...of('actor', 'actorid impersonator impersonatedby'),
  ...of('on', 'target targetid object objectid resource resourceid subject'),
  ...of('event', 'eventid tenant tenantid project projectid org orgid organization organisation'),
  ...of('event', 'organizationid site siteid workspace workspaceid account accountid team teamid'),
  ...of('event', 'company companyid'),
  ...of('request', 'requestid req reqid'),
  ...of('type', 'entity entitytype targettype resourcetype objecttype'),
  ...of('outcome', 'result outcomeresult ergebnis resultado resultat'),
  ...of('kind', 'actorkind actortype usertype'),
  ...of('ip', 'ipaddress actorip clientip sourceip sourceipaddress remoteip srcip networkclientip'),
  ...of('changed', 'change changes modified geandert cambio'),
  ...of('after', 'since from start newer seit nach ab desde depuis apres'),
  ...of('before', 'older vor antes avant'),
  ...of('until', 'to till end upto bis hasta jusqua'),
  ...of(
    'date',
    'created createdat day during time timestamp when at in between published occurred',
  ),
  ...of('date', 'occurredat period range week month quarter year updated datum zeit fecha'),
  ...of('around', 'near'),
  ...of('id', 'entry entryid'),
  ...of('seq', 'sequence'),
}

function of(name: string, others: string): Record<string, string> {
  return Object.fromEntries(others.split(' ').map((other) => [other, name]))
}

/** The qualifier that a name stands for, or the name. `User_ID`, `user-id` and `userId` are one. */
export function knownAs(given: string): string {
  const name = plainName(given)
  return Object.hasOwn(ALIASES, name) ? (ALIASES[name] ?? name) : name
}

/** A name in small letters, without accents and what stands between its words. */
export function plainName(given: string): string {
  return given
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/[\p{M}_.-]/gu, '')
}
