import { auditMatchers } from 'audit-outbox/testing'
import { expect } from 'vitest'

expect.extend(auditMatchers)
