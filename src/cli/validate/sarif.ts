import type { Mistake } from "../../config/mistake.ts";

/** Mistakes as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), which code reviews show at their lines. */
export function sarif(mistakes: readonly Mistake[], version: string): object {
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "menagerie validate", version, rules: [{ id: ruleId }] } },
        results: mistakes.map(({ file, line, column, message }) => ({
          ruleId,
          level: "error",
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

const ruleId = "stack-file";
