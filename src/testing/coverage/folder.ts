/** The folder of this run. `audit-relay coverage` sets it, and every process of the run has it. */
export const FOLDER_VARIABLE = 'AUDIT_COVERAGE_DIR'

/** What a process noted: a route that an application has, or one in which something was recorded. */
export type Note = { readonly route: string } | { readonly recorded: string }
