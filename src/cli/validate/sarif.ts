import type { Issue } from "../../config/issue.ts";

/** Mistakes as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which code reviews show at their lines. */
export function sarif(issues: readonly Issue[], version: string, warnings: readonly Issue[] = []): object {
  const results = [
    ...issues.map((each) => ({ level: "error", ...each })),
    ...warnings.map((each) => ({ level: "warning", ...each })),
  ];
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "menagerie validate", version, rules: rulesOf(results) } },
        results: results.map(({ id, level, file, line, column, message }) => ({
          ruleId: id,
          level,
          message: { text: message },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: file },
                ...(line === null ? {} : { region: { startLine: line, startColumn: column ?? 1 } }),
              },
            },
          ],
        })),
      },
    ],
  };
}

/** Those that results name, each once. */
function rulesOf(issues: readonly Issue[]): object[] {
  const causes = new Map(issues.map(({ id, cause }) => [id, cause]));
  return [...causes].map(([id, cause]) => ({ id, fullDescription: { text: cause } }));
}
