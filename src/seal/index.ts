export { AuditError } from '../errors.ts'
export {
  COMMITTED_FIELDS,
  type CommittedField,
  leafHash,
  leafText,
  missingText,
  type Opening,
} from './leaf.ts'
export { NotProvedError, type NotProvedKind } from './not-proved.ts'
export {
  type Checkpoint,
  newKey,
  openCheckpoint,
  type Signer,
  signCheckpoint,
  signerOfKey,
  vkeyOf,
} from './note.ts'
export {
  openByPolicy,
  parsePolicy,
  type Policy,
  type PolicyEnd,
  type PolicyGroup,
  type PolicyLog,
  type PolicyWitness,
  printPolicy,
} from './policy.ts'
export { type EntryProof, printProof, type Proved, verifyProof } from './proof.ts'
export {
  consistencyPath,
  type GrownTile,
  grownTiles,
  inclusionPath,
  type ReadTile,
  rootOfTiles,
  TILE_WIDTH,
  type TileAt,
} from './tiles.ts'
export {
  type ConsistencyProof,
  type InclusionProof,
  nodeHash,
  rootOfLeaves,
  verifyConsistency,
  verifyInclusion,
} from './tree.ts'
