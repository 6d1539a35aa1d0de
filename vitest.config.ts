import { defineConfig } from "vitest/config";

const trussTests = "test/integration/adapters/{controlTruss,truss}/*.test.ts";

/** What needs no environment runs two files at a time; what brings one up runs one by one; campaigns run apart. */
export default defineConfig({
  test: {
    reporters: ["default", "./test/closingLine.ts"],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts"],
          env: { MENAGERIE_TEST_UNIT: "1" },
          pool: "forks",
          maxWorkers: 2,
          // Long enough for a machine that does other things too: nothing here is decided by time.
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          exclude: [trussTests],
          pool: "forks",
          // Vitest itself takes one less than there are cores, and these wait for PostgreSQL half of the time.
          maxWorkers: 2,
          globalSetup: ["test/support/postgresTemplate.ts"],
          // Long enough for a machine that does other things too: nothing here is decided by time.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Against the real truss servers and library, each test with processes of its own: beside those of `unit`.
        test: {
          name: "truss",
          include: [trussTests],
          pool: "forks",
          maxWorkers: 2,
          globalSetup: ["test/local/globalSetup.ts", "test/support/postgresTemplate.ts"],
          testTimeout: 300_000,
          hookTimeout: 600_000,
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
