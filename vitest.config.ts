import { defineConfig } from "vitest/config";

/** What needs no processes of its own runs in parallel; what brings up an environment runs one by one; campaigns run apart. */
export default defineConfig({
  test: {
    reporters: ["default", "./test/closingLine.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/{unit,components,providers,golden}/**/*.test.ts"],
          pool: "forks",
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "local",
          include: ["test/local/**/*.test.ts"],
          pool: "forks",
          fileParallelism: false,
          globalSetup: ["test/local/globalSetup.ts"],
          // A machine's first run builds the tools before any test begins; these limits are for the tests themselves.
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "soak",
          include: ["test/soak/**/*.test.ts"],
          pool: "forks",
          fileParallelism: false,
          globalSetup: ["test/local/globalSetup.ts"],
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
