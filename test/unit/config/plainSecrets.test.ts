import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { plainSecretIssues } from "../../../src/config/plainSecrets.ts";
import { readStackText } from "../../../src/config/stackFile.ts";

const model = "iris: { truss: models/iris, phase: done }";
const token = `ghp_${"0".repeat(36)}`;

function issuesIn(text: string): string[] {
  return plainSecretIssues(load(text) as Record<string, unknown>).map(({ message }) => message);
}

describe("a stack file", () => {
  it.each([
    [
      "a plain password",
      `menagerie:databasePassword: correct-horse\nmenagerie:zoo: { ${model} }`,
      ["menagerie:databasePassword", "pulumi config set --secret menagerie:databasePassword"],
    ],
    [
      "a password that YAML reads as a number, under a bare key",
      "databasePassword: 12345678",
      ["menagerie:databasePassword", "pulumi config set --secret menagerie:databasePassword"],
    ],
    [
      "one encrypted secret beside a plain one",
      'menagerie:secrets: { hf_token: { secure: "v1:AAAA:AAAA" }, s3_key: written-in-the-open }',
      ["menagerie:secrets.s3_key", "pulumi config set --secret --path 'menagerie:secrets.s3_key'"],
    ],
    [
      "a database's url",
      "menagerie:migrationTarget: { table: t, databaseUrl: postgresql://u:p@h/d }",
      [
        "menagerie:migrationTarget.databaseUrl",
        "pulumi config set --secret --path menagerie:migrationTarget.databaseUrl",
      ],
    ],
    [
      "the guard's url",
      'menagerie:migrationTarget: { table: t, databaseUrl: { secure: "v1:AAAA:AAAA" }, guardUrl: postgresql://g:p@h/d }',
      ["menagerie:migrationTarget.guardUrl", "pulumi config set --secret --path menagerie:migrationTarget.guardUrl"],
    ],
    ["a provider's key", "aws:secretKey: abc", ["aws:secretKey", "pulumi config set --secret aws:secretKey"]],
  ] as const)("with %s is refused by the key and the command", (_, text, [key, command]) => {
    expect(issuesIn(text)).toEqual([
      `${key}: holds its value in the clear; remove it from the file, and set it with \`${command}\``,
    ]);
  });

  it("with a credential in a model's variables is refused by its place", () => {
    const text = `menagerie:zoo: { iris: { truss: models/iris, env: { FACTOR: "3", GH: ${token} } } }
menagerie:shadows: { s: { shadows: { c: { env: { INDEX: "https://u:p@mirror.example/simple" } } } } }`;
    const issues = issuesIn(text);
    expect(issues.map((each) => each.slice(0, each.indexOf(": holds a credential in the clear")))).toEqual([
      "menagerie:zoo.iris.env.GH",
      "menagerie:shadows.s.shadows.c.env.INDEX",
    ]);
  });

  it("whose secrets are all encrypted passes, with what only sounds like a credential", () => {
    expect(
      issuesIn(`menagerie:databasePassword: { secure: "v1:AAAA:AAAA" }
menagerie:secrets: { a: { secure: "v1:AAAA:AAAA" } }
menagerie:adminSecrets: admin-organization-secrets
menagerie:migrationTarget: { table: t, databaseUrl: { secure: "v1:AAAA:AAAA" } }
menagerie:zoo: { iris: { truss: models/iris, env: { MAX_TOKENS: "4096" } } }
aws:region: eu-central-1
aws:secretKey: { secure: "v1:AAAA:AAAA" }`),
    ).toEqual([]);
  });

  it("shows no value in what is said about it, and is told with the file's other mistakes", () => {
    const stackFile = load(`menagerie:secrets: { a: { secure: "v1:AAAA:AAAA" }, b: hunter2 }
menagerie:databasePassword: hunter3
menagerie:zoo: { iris: { truss: models/iris, phase: dnoe, env: { T: ${token} } } }`) as Record<string, unknown>;
    const raw = {
      secrets: { a: "decrypted", b: "hunter2" },
      databasePassword: "hunter3",
      zoo: { iris: { truss: "models/iris", phase: "dnoe", env: { T: token } } },
    };
    const read = (zoo: object) => () =>
      parseEnvironment({ ...raw, zoo }, { gatewayUrl: "http://h", secretKeys: ["menagerie:secrets"], stackFile });
    for (const zoo of [raw.zoo, { iris: { ...raw.zoo.iris, phase: "done" } }]) {
      expect(read(zoo)).toThrow(/menagerie:secrets\.b: holds its value in the clear/);
      expect(read(zoo)).toThrow(/menagerie:databasePassword: holds its value in the clear/);
      expect(read(zoo)).toThrow(/menagerie:zoo\.iris\.env\.T: holds a credential in the clear/);
      expect(read(zoo)).not.toThrow(/hunter|decrypted|ghp_/);
    }
    expect(read(raw.zoo)).toThrow(/did you mean "done"/);
  });

  it("that cannot be read leaves the engine's word, for the password too", () => {
    const read = () => parseEnvironment({ databasePassword: "hunter2" }, { gatewayUrl: "http://h", secretKeys: [] });
    expect(read).toThrow(/menagerie:databasePassword: holds its value in the clear/);
  });
});

it.each(["local", "staging", "prod"])("the committed file of stack %s holds no secret in the clear", (stack) => {
  const file = `Pulumi.${stack}.yaml`;
  const { config } = readStackText(readFileSync(join(import.meta.dirname, "../../..", file)), file);
  expect(Object.keys(config).length).toBeGreaterThan(0);
  expect(plainSecretIssues(config)).toEqual([]);
});
