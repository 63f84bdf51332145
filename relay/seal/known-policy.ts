import { optionInvalid } from '../../src/errors.ts'
import { parseVkey } from '../../src/seal/key.ts'
import type { Policy } from '../../src/seal/policy.ts'
import type { KnownKey, SealMemory } from './memory.ts'
import { keysAfter, type SealKeys, vkeyFor } from './seal-keys.ts'

/**
 * The keys of each tree, and what has ended: all that somebody needs to check what the log signed.
 *
 * @param given whose witnesses, groups and quorum it takes over
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where no key is known
 */
export function knownPolicy(
  keys: SealKeys | undefined,
  memory: SealMemory | undefined,
  given: Policy | undefined,
): Policy {
  const known = knownKeys(keys, memory)
  const current = memory?.name ?? keys?.name
  if (current === undefined || known.length === 0) {
    throw optionInvalid(
      'There is no key to print: set AUDIT_SEAL_KEY_FILE, or AUDIT_STATE_DIR where the log is sealed.',
    )
  }
  const ended = memory?.ended ?? []
  const trees = [...ended.map(({ name }) => name), current]
  // A key that had ended signs no tree that began later.
  const signed = (tree: string, key: KnownKey) =>
    key.ended === undefined || trees.indexOf(tree) <= trees.indexOf(key.ended.tree)
  return {
    logs: trees.flatMap((tree) =>
      known.filter((key) => signed(tree, key)).map(({ vkey }) => ({ vkey: vkeyFor(vkey, tree) })),
    ),
    ended: [
      ...ended.map(({ name, size }) => ({ of: name, lastSize: size })),
      ...known.flatMap(({ vkey, ended: end }) => {
        if (end === undefined || end.tree !== current) return []
        const { name, id } = parseVkey(vkeyFor(vkey, end.tree))
        return [{ of: `${name}+${id}`, lastSize: end.size }]
      }),
    ],
    witnesses: given?.witnesses ?? [],
    groups: given?.groups ?? [],
    quorum: given?.quorum ?? 'none',
  }
}

/** The keys of the environment, and those that the sealer remembers. */
function knownKeys(
  keys: SealKeys | undefined,
  memory: SealMemory | undefined,
): readonly KnownKey[] {
  if (keys === undefined) return memory?.keys ?? []
  return keysAfter(keys, memory?.keys ?? [], memory ?? { name: keys.name, size: 0 })
}
