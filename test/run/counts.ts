/** How many tests ended how; a file that cannot be loaded counts as one that failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed, each with its file, its name and the first line of its error. */
  readonly failures: readonly string[];
}

/** Names the folder where a vitest of the run leaves its counts. */
export const countsVariable = "MENAGERIE_TEST_COUNTS";

export function sum(all: readonly Counts[]): Counts {
  const add = (key: "passed" | "failed" | "skipped"): number => all.reduce((total, counts) => total + counts[key], 0);
  return {
    passed: add("passed"),
    failed: add("failed"),
    skipped: add("skipped"),
    failures: all.flatMap(({ failures }) => failures),
  };
}

/** What a run ends with: what failed, once more, since it stands thousands of lines above, and the line that CI reads. */
export function closingLines({ passed, failed, skipped, failures }: Counts): string {
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
  return failures.length === 0 ? line : `Failed:\n${failures.map((each) => `  ${each}\n`).join("")}\n${line}`;
}
