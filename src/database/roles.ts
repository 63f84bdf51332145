/** The roles of the schema, by their names without a prefix. */
export const ROLES = [
  'audit_owner',
  'audit_app',
  'audit_relay',
  'audit_reader',
  'audit_keeper',
  'audit_eraser',
] as const
export type Role = (typeof ROLES)[number]
