import type { Reporter, TestModule } from "vitest/node";

/** Ends the run with the plain line `N passed, N failed` that CI reads. A file that cannot be loaded counts as failed. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "failed") failed += 1;
        else skipped += 1;
      }
      const failedAsAWhole = module.state() === "failed" && !tests.some((test) => test.result().state === "failed");
      if (failedAsAWhole) failed += 1;
    }
    // After the default reporter's summary, which is written in the same turn.
    process.once("exit", () => {
      process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
    });
  }
}
