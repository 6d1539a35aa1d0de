import { defineConfig } from "vitest/config";

// Long enough for a slow machine that does other things too: nothing is decided by time.
const limits = { testTimeout: 300_000, hookTimeout: 600_000, expect: { poll: { timeout: 60_000 } } };

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
          // Imports are most of what these files cost: each worker keeps the modules that it has loaded. So no file mocks a module.
          isolate: false,
          maxWorkers: 2,
          ...limits,
        },
      },
      {
        // With a PostgreSQL, the engine's own host of dynamic providers, or the real truss servers; without the cluster.
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          // Beside two environments: with more, requests to them meet time-outs that are right for a machine with a core to spare.
          maxWorkers: 1,
          maxConcurrency: 3,
          globalSetup: ["test/support/postgresTemplate.ts"],
          ...limits,
        },
      },
      // Each of the two waits for its environment most of the time. One file at a time: three environments would only delay each other.
      {
        extends: true,
        test: {
          name: "local",
          include: ["test/local/*.test.ts"],
          fileParallelism: false,
          globalSetup: ["test/local/support/toolchain.ts"],
          ...limits,
        },
      },
      {
        extends: true,
        test: {
          name: "shared",
          include: ["test/local/shared/*.test.ts"],
          fileParallelism: false,
          globalSetup: ["test/local/support/toolchain.ts", "test/local/support/sharedFolder.ts"],
          ...limits,
        },
      },
      {
        extends: true,
        test: {
          name: "soak",
          // Those of the latter, with every case instead of some.
          include: [
            "test/soak/**/*.test.ts",
            "test/integration/adapters/postgres/{deployments,zoo/migration/faults}.test.ts",
            "test/integration/adapters/postgres/releaseState/objects.test.ts",
            "test/integration/adapters/controlTruss/{client,patches,stuck}.test.ts",
            "test/integration/adapters/truss/patch.test.ts",
            "test/integration/cli/up/protection.test.ts",
            "test/integration/local/postgresqlPlugin/plugin.test.ts",
            "test/integration/services/api/sleep/killed.test.ts",
            "test/integration/services/guard/judging.test.ts",
            "test/local/environment.test.ts",
            "test/local/shared/developmentVersion.test.ts",
            "test/unit/domain/judgement/{simulation,users}.test.ts",
          ],
          env: { MENAGERIE_TEST_WHOLE_MATRIX: "1" },
          fileParallelism: false,
          globalSetup: ["test/local/support/toolchain.ts", "test/local/support/sharedFolder.ts"],
          ...limits,
          testTimeout: 3_600_000,
        },
      },
    ],
  },
});
