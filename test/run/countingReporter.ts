import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import { type Counts, closingLine, countsVariable } from "./counts.ts";

/** Counts the tests for the run that started vitest, or says the counts where nobody did. */
export default class CountingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = countsOf(modules, unhandledErrors.length);
    const folder = process.env[countsVariable];
    if (folder) writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(counts));
    // After the default reporter's summary, which is written in the same turn.
    else process.once("exit", () => process.stdout.write(`\n${closingLine(counts)}\n`));
  }
}

function countsOf(modules: readonly TestModule[], unhandled: number): Counts {
  let [passed, failed, skipped] = [0, unhandled, 0];
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
  return { passed, failed, skipped };
}
