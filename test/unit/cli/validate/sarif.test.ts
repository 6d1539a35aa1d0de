import { expect, it } from "vitest";
import { sarif } from "../../../../src/cli/validate/sarif.ts";
import { parseEnvironment } from "../../../../src/config/parse.ts";
import { readStackText } from "../../../../src/config/stackFile.ts";
import { OperatorError } from "../../../../src/domain/errors.ts";

it("names each mistake's entry of the table, with its cause, once", () => {
  const text = "confg: {}\nconfig:\n  menagery:nodeClass: local\n  menagery:namespace: models\n";
  const { issues } = readStackText(new TextEncoder().encode(text), "Pulumi.s.yaml");
  expect(issues.map(({ id, line }) => [id, line])).toEqual([
    ["file.key-unknown", 1],
    ["config.namespace-unknown", 3],
    ["config.namespace-unknown", 4],
  ]);
  expect(sarif(issues, "1.0.0")).toMatchObject({
    runs: [
      {
        tool: { driver: { rules: [{ id: "file.key-unknown" }, { id: "config.namespace-unknown" }] } },
        results: [{ ruleId: "file.key-unknown" }, { ruleId: "config.namespace-unknown" }, {}],
      },
    ],
  });
});

it("has an id for a wrong value, an unknown key and a rule between keys alike", () => {
  const zoo = { iris: { truss: "models/iris", phase: "forwrd", pol: "cpu" }, wine_copy: { truss: "a", phase: "done" } };
  let ids: readonly string[] = [];
  try {
    parseEnvironment({ zoo, gateway: { url: "http://127.0.0.1" }, nodeClass: "local" });
  } catch (error) {
    if (error instanceof OperatorError) ids = error.refusals.map(({ id }) => id);
  }
  expect(ids).toEqual(["value.wrong", "key.unknown", "name.reserved-ending"]);
});
