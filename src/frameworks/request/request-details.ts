import { activeTraceId } from './active-trace.ts'

const MAX_IP_CHARACTERS = 128
const MAX_ROUTE_CHARACTERS = 256
const MAX_USER_AGENT_CHARACTERS = 256

/** Reads a framework's request. Each function is called only when something is recorded. */
export interface RequestReader<Request> {
  /** Whether the framework has no setting for proxies, so that the option `trustedHops` exists. */
  readonly countsHops?: boolean
  header(request: Request, name: string): unknown
  method(request: Request): unknown
  /**
   * The pattern that matched, such as `/events/:eventId`; never the URL, which may hold secrets.
   */
  route(request: Request): unknown
  /** @param trustedHops the option of that name, for frameworks without a setting of their own */
  ip(request: Request, trustedHops: number): unknown
  /** What else the entry's context says about the request. It must not throw. */
  more?(request: Request): Readonly<Record<string, string | undefined>>
}

/** What an entry's `context` says about its request. A detail that is not known is absent. */
export function requestDetails<Request>(
  reader: RequestReader<Request>,
  request: Request,
  { route, trustedHops }: { readonly route: string | undefined; readonly trustedHops: number },
): Record<string, string> {
  const details: Record<string, string> = {}
  const ip = readText(() => reader.ip(request, trustedHops), MAX_IP_CHARACTERS)
  if (ip !== undefined) details['ip'] = ip
  const method = readText(() => reader.method(request), 32)
  if (method !== undefined) details['method'] = method
  if (route !== undefined) details['route'] = route
  const agent = readText(() => reader.header(request, 'user-agent'), MAX_USER_AGENT_CHARACTERS)
  if (agent !== undefined) details['userAgent'] = agent
  const traceId =
    readText(activeTraceId, 32) ??
    traceIdOf(readText(() => reader.header(request, 'traceparent'), 512))
  if (traceId !== undefined) details['traceId'] = traceId
  for (const [name, value] of Object.entries(reader.more?.(request) ?? {})) {
    if (value !== undefined) details[name] = value
  }
  return details
}

export function requestRoute<Request>(
  reader: RequestReader<Request>,
  request: Request,
): string | undefined {
  return readText(() => reader.route(request), MAX_ROUTE_CHARACTERS)
}

/**
 * Undefined if reading throws. A framework's getter may throw after an abort, and so may a
 * callback.
 */
function readText(read: () => unknown, maxCharacters: number): string | undefined {
  try {
    const value = read()
    if (typeof value !== 'string' || value === '') return undefined
    return value.length > maxCharacters ? value.slice(0, maxCharacters) : value
  } catch {
    return undefined
  }
}

// version, trace id, parent id, flags; all zeros and version ff are invalid.
const TRACEPARENT =
  /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(-.*)?$/

/** The trace id of a W3C `traceparent`; undefined if it is missing or not valid. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent)
  // Only a version after 00 may append fields.
  if (match === null || (match[1] === '00' && match[3] !== undefined)) return undefined
  return match[2]
}
