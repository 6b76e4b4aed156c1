import { defineConfig } from 'vitest/config'

// Tests import the packages' sources through the export condition, as `npm start` does: no build before a test.
const conditions = ['holdfast-source', 'node', 'import', 'module', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'tools/**/*.test.ts',
      'examples/*/src/**/*.test.ts',
      'sim/*/src/**/*.test.ts',
      'bench/src/**/*.test.ts',
    ],
    // Most of a run is waiting (leases, reconnects, servers that stand still): one file a core less would take twice as long.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default', './tools/closing-line.ts'],
  },
})
