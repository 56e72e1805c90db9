import { defineConfig } from 'vitest/config'

/**
 * Two groups: what needs no other program runs first, as parallel as the machine allows; the end-to-end scenarios, each
 * with SIPp, a browser or tshark beside it, run after that and at most two at a time, or they would measure each other.
 */
export default defineConfig({
  test: {
    testTimeout: 10_000,
    hookTimeout: 20_000,
    projects: [
      {
        test: {
          name: 'inside',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/web-admin/**', 'test/bench/**', '**/node_modules/**'],
          testTimeout: 10_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts', 'test/web-admin/**/*.test.ts'],
          exclude: ['**/node_modules/**'],
          testTimeout: 90_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
