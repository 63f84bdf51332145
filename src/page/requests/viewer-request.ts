import type { AdmittedViewer } from '../auth/viewer.ts'
import type { ViewSharer } from '../views/shared-views.ts'

/** A request of somebody who may read. */
export interface ViewerRequest {
  readonly request: Request
  readonly parameters: URLSearchParams
  readonly viewer: AdmittedViewer
  /** How the viewer got in. */
  readonly by: ViewSharer['by']
  /** The path of the address, as the browser names it as far as that is known. */
  readonly path: string
  /** The address at the other end of the connection, a proxy's where one stands in front. */
  readonly peer: string | undefined
}
