import type { LocalFile } from '../files/ndjson-file.ts'

/** Where archived files lie, and how they are kept there. */
export interface StorePlace {
  /** `file:///folder` or `s3://bucket/prefix`. */
  readonly url: URL
  /** For how long the store lets nobody delete a file, in milliseconds. Undefined: it may. */
  readonly keepMs: number | undefined
  readonly legalHold: boolean
}

/** What a store says of a file that it holds, from reading it back. */
export interface StoredFile {
  readonly sha256: string
  readonly bytes: number
  /** Until when nobody can delete it. */
  readonly lockedUntil?: Date | undefined
}

/** Where archived files lie. A name is a path such as `year=2025/month=10/x.ndjson.gz`. */
export interface ArchiveStore {
  /** A folder of this machine in which a file is made before it is stored. */
  workFolder(): Promise<string>
  urlOf(name: string): string
  /** @returns undefined where there is no file of this name */
  look(name: string): Promise<StoredFile | undefined>
  /** Stores a file under a name that nothing has. It takes the local file away, or leaves it. */
  put(name: string, file: LocalFile): Promise<void>
  /**
   * Brings a file to this machine.
   *
   * @returns false where there is no file of this name
   */
  bring(name: string, to: string): Promise<boolean>
}
