import { createHash } from 'node:crypto'
import fs from 'node:fs/promises'
import { base64 } from '../../seal/base64.ts'
import { altered, unproved } from '../../seal/not-proved.ts'
import { openByPolicy, parsePolicy } from '../../seal/policy.ts'
import { HASH_BYTES } from '../../seal/tree.ts'
import { TreeWalk, type Walked } from '../../seal/walk.ts'
import { eachLine, type ManifestProof } from './prove-file.ts'

/** What is proved of a file. */
export interface ProvedFile extends Walked {
  /** The log. */
  readonly origin: string
  /** How many leaves the checkpoint's tree has. */
  readonly size: number
}

/** What of a manifest the proof needs. It is not trusted: a false word in it ends in a refusal. */
export interface SealedManifest {
  readonly format: string
  readonly gzip: boolean
  readonly checkpoint?: string
  readonly proof?: ManifestProof
}

/**
 * Checks every entry of an export with proofs, by a policy and without the log.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED`, whose `kind` is `altered` where the file or its proof is
 * not what was sealed, and `unproved` where nothing that the policy trusts vouches for it
 */
export async function verifyFile(
  { file, proofFile }: { readonly file: string; readonly proofFile: string },
  { gzip, checkpoint, proof }: SealedManifest,
  policy: string,
): Promise<ProvedFile> {
  const trusted = parsePolicy(policy)
  if (typeof checkpoint !== 'string' || proof === undefined) {
    throw unproved('It was exported without proofs: export it with --proofs.')
  }
  const { origin, size, root } = openByPolicy(checkpoint, trusted)
  const hashes = await hashesOf(proofFile, proof)
  let used = 0
  const walk = new TreeWalk({ firstSeq: Number(proof.firstSeq), size }, async () => {
    const line = hashes[used]
    used += 1
    const bytes = base64(line ?? '')
    if (bytes?.length === HASH_BYTES) return bytes
    throw altered(line === undefined ? 'The proof has too few hashes.' : 'The proof is damaged.')
  })
  await eachLine({ file, gzip }, async (lines) => {
    for (const line of lines) await walk.line(line)
  })
  const isRoot = (await walk.root()).equals(root)
  if (!isRoot || used !== hashes.length) {
    throw altered(`An entry, or the proof, is not what ${origin} sealed.`)
  }
  const { walked } = walk
  if (walked.unsealed === 0) return { ...walked, origin, size }
  throw unproved(`${walked.unsealed} of its entries have no seal: nothing proves them.`)
}

async function hashesOf(proofFile: string, proof: ManifestProof): Promise<readonly string[]> {
  const text = proof.list
    ? proof.list.map((line) => `${line}\n`).join('')
    : await fs.readFile(proofFile, 'latin1').catch(() => {
        throw unproved(`The hashes of its proof are in ${proofFile}, which cannot be read.`)
      })
  if (createHash('sha256').update(text).digest('hex') !== proof.sha256) {
    throw altered('The hashes of its proof are not those that were written.')
  }
  return text.split('\n').slice(0, -1)
}
