import { defineConfig } from "vitest/config";

/** Two projects: what needs no processes of its own runs in parallel; what brings up an environment runs one by one. */
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
    ],
  },
});
