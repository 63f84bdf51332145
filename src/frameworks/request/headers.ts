import { isIP } from 'node:net'

/** The headers of a request, as Fetch and as Node have them. */
export type AnyHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

/** @param name in lower case */
export function headerOf(headers: AnyHeaders | null | undefined, name: string): unknown {
  if (headers === undefined || headers === null) return undefined
  return typeof headers.get === 'function' ? headers.get(name) : Reflect.get(headers, name)
}

/**
 * The client's address behind proxies of our own, each of which adds one to `x-forwarded-for`.
 *
 * Only the last `hops` addresses of the header are believed, because the client may send the others
 * itself. If it holds fewer, then the request did not come by way of all proxies, and the socket's
 * address is the answer.
 *
 * @param hops how many proxies stand in front of the application; 0: the header is not read
 * @param socketAddress undefined where the platform does not tell it; then the last address in the
 * header is the one that the nearest proxy saw
 */
export function clientAddress(
  forwardedFor: unknown,
  hops: number,
  socketAddress?: string | undefined,
): string | undefined {
  if (hops === 0) return socketAddress
  const header = Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor
  const addresses = typeof header === 'string' ? header.split(',').map(addressIn) : []
  return addresses.at(-hops) ?? socketAddress
}

/** Without the port that some proxies write next to it. */
function addressIn(text: string): string | undefined {
  const trimmed = text.trim()
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed) ?? []
  const [, withPort] = /^([\d.]+):\d+$/.exec(trimmed) ?? []
  const address = bracketed ?? withPort ?? trimmed
  return isIP(address) === 0 ? undefined : address
}
