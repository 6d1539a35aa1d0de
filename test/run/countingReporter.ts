import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { type Counts, closingLines, countsVariable } from "./counts.ts";

/** Counts the tests for the run that started vitest, or says the counts where nobody did. */
export default class CountingReporter implements Reporter {
  /** A file of soak tests may take an hour, and whoever stops it wants to know what it has found. */
  onTestCaseResult(test: TestCase): void {
    if (test.project.name !== "soak") return;
    const { state } = test.result();
    const seconds = Math.round((test.diagnostic()?.duration ?? 0) / 1000);
    const told = state === "failed" ? failureOf(test) : test.fullName;
    if (state !== "skipped") console.log(`${new Date().toISOString()} ${state} after ${seconds} s: ${told}`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = countsOf(modules, unhandledErrors);
    const folder = process.env[countsVariable];
    if (folder) writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(counts));
    // After the default reporter's summary, which is written in the same turn.
    else process.once("exit", () => process.stdout.write(`\n${closingLines(counts)}\n`));
  }
}

function countsOf(modules: readonly TestModule[], unhandled: readonly unknown[]): Counts {
  let [passed, skipped] = [0, 0];
  const failures = unhandled.map((error) => `outside of any test: ${firstLine([error])}`);
  for (const module of modules) {
    const tests = [...module.children.allTests()];
    const failed: string[] = [];
    for (const test of tests) {
      const { state } = test.result();
      if (state === "passed") passed += 1;
      else if (state === "failed") failed.push(failureOf(test));
      else skipped += 1;
    }
    if (failed.length === 0 && module.state() === "failed")
      failed.push(`${module.relativeModuleId}: ${firstLine(errorsOf(module))}`);
    failures.push(...failed);
  }
  return { passed, failed: failures.length, skipped, failures };
}

function failureOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}: ${firstLine(test.result().errors ?? [])}`;
}

/** Of a file that could not be loaded, or of what it does before and after its tests. */
function errorsOf(module: TestModule): readonly unknown[] {
  return [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())];
}

/** At most 300 characters. */
function firstLine([error]: readonly unknown[]): string {
  const text =
    error && typeof error === "object" && "message" in error
      ? String(error.message)
      : String(error ?? "no error was given");
  return (text.split("\n", 1)[0] ?? "").slice(0, 300);
}
