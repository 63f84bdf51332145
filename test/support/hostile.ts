import fc from 'fast-check'

export const oddText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '\u0000', '\ud800', 'x\udc00\ud800', '\\u0000', '"', '…[cut: 5 characters]'),
  fc.tuple(fc.string({ minLength: 1 }), fc.nat(50_000)).map(([part, times]) => part.repeat(times)),
)
export const oddKey = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'toJSON', 'length', 'then', 'hasOwnProperty'),
  fc.constantFrom('toString', 'password', 'degraded', 'invalid', 'userId', '0', '-1'),
)

function throwing(): never {
  throw new RangeError('thrown by the caller')
}

const trapName = fc.constantFrom(
  ...(['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf'] as const),
)

/**
 * Makes a value when called. fast-check inspects what it generates, and inspecting these may throw.
 */
export type Make = () => unknown
export const made = (makes: readonly Make[]) => makes.map((make) => make())

export const { value: hostileValue } = fc.letrec<{ value: Make; object: Make }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthIdentifier: 'value' },
    oddText.map(
      (text): Make =>
        () =>
          text,
    ),
    fc
      .anything({
        ...{ withBigInt: true, withDate: true, withMap: true, withSet: true },
        ...{ withTypedArray: true, withObjectString: true, withSparseArray: true },
        ...{ withNullPrototype: true, withBoxedValues: true, key: oddKey, maxDepth: 3 },
      })
      .map(
        (value): Make =>
          () =>
            value,
      ),
    fc.double().map(
      (value): Make =>
        () =>
          value,
    ),
    fc.bigInt().map(
      (value): Make =>
        () =>
          value,
    ),
    fc.constantFrom<Make[]>(
      ...[() => undefined, () => null, () => Symbol('s'), () => throwing, () => /a/g],
      ...[() => Promise.resolve(1), () => new WeakMap(), () => new URL('http://a/')],
      ...[() => Buffer.alloc(500), () => new Date(Number.NaN), () => () => 1],
    ),
    fc.array(tie('value'), { maxLength: 4 }).map(
      (makes): Make =>
        () =>
          made(makes),
    ),
    tie('object'),
    fc.tuple(trapName, tie('object')).map(
      ([trap, make]): Make =>
        () =>
          new Proxy(make() as object, { [trap]: throwing }),
    ),
    tie('object').map(
      (make): Make =>
        () => {
          const { proxy, revoke } = Proxy.revocable(make() as object, {})
          revoke()
          return proxy
        },
    ),
    fc.tuple(oddKey, tie('value')).map(
      ([key, get]): Make =>
        () =>
          Object.defineProperty({}, key, { enumerable: true, get }),
    ),
    oddKey.map(
      (key): Make =>
        () =>
          Object.defineProperty({}, key, { enumerable: true, get: throwing }),
    ),
    tie('value').map(
      (toJSON): Make =>
        () => ({ toJSON }),
    ),
    fc.array(fc.tuple(fc.oneof(tie('value'), tie('value')), tie('value')), { maxLength: 3 }).map(
      (pairs): Make =>
        () =>
          new Map(pairs.map(([key, value]) => [key(), value()])),
    ),
    fc.array(tie('value'), { maxLength: 3 }).map(
      (makes): Make =>
        () =>
          new Set(made(makes)),
    ),
    fc.tuple(oddText, tie('value')).map(
      ([message, cause]): Make =>
        () =>
          new Error(message, { cause: cause() }),
    ),
    tie('object').map(
      (make): Make =>
        () => {
          const object = make() as Record<string, unknown>
          object['self'] = [object]
          return object
        },
    ),
  ),
  object: fc.array(fc.tuple(oddKey, tie('value')), { maxLength: 4 }).map(
    (pairs): Make =>
      () => {
        const object = {}
        for (const [key, make] of pairs) {
          Object.defineProperty(object, key, {
            ...{ value: make(), enumerable: true, writable: true, configurable: true },
          })
        }
        return object
      },
  ),
}))

export const hostileEntry = fc
  .record(
    {
      action: fc.oneof(
        fc.constant<Make>(() => 'thing.change'),
        hostileValue,
      ),
      ...{ userId: hostileValue, eventId: hostileValue, targetId: hostileValue },
      ...{ entityType: hostileValue, requestId: hostileValue, metadata: hostileValue },
      ...{ moreTargets: hostileValue, outcome: hostileValue },
      ...{ actorId: hostileValue, actorKind: hostileValue },
      ...{ context: hostileValue, occurredAt: hostileValue },
    },
    { requiredKeys: ['action', 'metadata'] },
  )
  .map(
    (makes): Make =>
      () =>
        Object.fromEntries(Object.entries(makes).map(([name, make]) => [name, make?.()])),
  )
