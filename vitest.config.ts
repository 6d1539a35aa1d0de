import { defineConfig } from "vitest/config";

// Long enough for a machine that does other things too: nothing is decided by time.
const [short, long] = [
  { testTimeout: 60_000, hookTimeout: 120_000, expect: { poll: { timeout: 20_000 } } },
  { testTimeout: 300_000, hookTimeout: 600_000, expect: { poll: { timeout: 20_000 } } },
];

/** Tests by what they need; `bin/run-tests.mjs` runs those first that need nothing. */
export default defineConfig({
  test: {
    reporters: ["default", "./test/run/countingReporter.ts"],
    pool: "forks",
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          env: { MENAGERIE_TEST_UNIT: "1" },
          maxWorkers: 2,
          ...short,
        },
      },
      {
        // With a PostgreSQL, the engine's own host of dynamic providers, or the real truss servers; without the cluster.
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          // Vitest itself takes one less than there are cores, and these wait for servers half of the time.
          maxWorkers: 2,
          globalSetup: ["test/support/postgresTemplate.ts"],
          ...long,
        },
      },
      {
        extends: true,
        test: {
          name: "local",
          include: ["test/local/**/*.test.ts"],
          fileParallelism: false,
          globalSetup: ["test/local/globalSetup.ts"],
          ...long,
        },
      },
      {
        extends: true,
        test: {
          name: "soak",
          include: ["test/soak/**/*.test.ts"],
          fileParallelism: false,
          globalSetup: ["test/local/globalSetup.ts"],
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
