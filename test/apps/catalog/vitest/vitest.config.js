import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    setupFiles: ['./setup.js'],
    globalSetup: process.env.OWN_COVERAGE ? ['./coverage.js'] : [],
    pool: process.env.POOL ?? 'forks',
  },
})
