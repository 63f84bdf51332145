import type { Viewer } from '../auth/viewer.ts'

/** A request of somebody who may read. */
export interface ViewerRequest {
  readonly request: Request
  readonly parameters: URLSearchParams
  readonly viewer: Viewer
}
