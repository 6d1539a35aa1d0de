import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mistakeLine } from "../../../src/config/mistake.ts";
import { readStackText } from "../../../src/config/stackFile.ts";
import { checkStack } from "../../../src/plan/checkStack.ts";

const project = join(import.meta.dirname, "../../..");
const surroundings = { gatewayUrl: "http://127.0.0.1:8080", databaseAddress: "10.0.0.1:5432" };

async function check(bytes: Uint8Array) {
  const file = "Pulumi.x.yaml";
  const removal = "pulumi destroy -s x";
  return checkStack(readStackText(bytes, file), { project, file, surroundings, removal });
}

const fixture = (name: string) => readFileSync(join(project, "test/fixtures/stackFiles", `${name}.yaml`));
const linesOf = async (name: string) => (await check(fixture(name))).mistakes.map(mistakeLine);

describe("a stack file is strict from its first line", () => {
  it.each(["local", "staging", "prod"])("Pulumi.%s.yaml is right", async (stack) => {
    expect((await check(readFileSync(join(project, `Pulumi.${stack}.yaml`)))).mistakes).toEqual([]);
  });

  it.each([
    ["top-level-typo", ['Pulumi.x.yaml:3:1: confg: unknown key; did you mean "config"?']],
    ["list", ['Pulumi.x.yaml:1:1: config: is a list; write the keys below it, such as "menagerie:zoo:"']],
    ["null", ['Pulumi.x.yaml:1:1: config: has no value; write the keys below it, such as "menagerie:zoo:"']],
    [
      "scalar",
      ['Pulumi.x.yaml:1:1: config: is the text "everything"; write the keys below it, such as "menagerie:zoo:"'],
    ],
    [
      "huge-cpu",
      [
        'Pulumi.x.yaml:4:59: menagerie:zoo.iris.resources.cpu: "999999999999" is more than any machine has; use at most 4096 cores',
      ],
    ],
    [
      "unknown-alias",
      ["Pulumi.x.yaml:3:11: *defaults refers to no anchor; write &defaults where the value is, or write the value out"],
    ],
    [
      "empty",
      [
        'Pulumi.x.yaml: declares nothing, which would remove everything that the stack has; write its keys below "config:", or remove the environment with `pulumi destroy -s x`',
      ],
    ],
    ["proto-key", ['Pulumi.x.yaml:3:5: menagerie:zoo.__proto__: "__proto__" cannot be used as a name; choose another']],
    [
      "undecryptable",
      [
        "Pulumi.x.yaml:2:3: menagerie:databasePassword: its encrypted value cannot be decrypted; remove it, or set it again with `pulumi config set --secret menagerie:databasePassword`",
      ],
    ],
  ])("%s", async (name, says) => {
    expect(await linesOf(name)).toEqual(says);
  });

  it("UTF-16 text is named as such", async () => {
    const text = `\ufeff${readFileSync(join(project, "Pulumi.local.yaml"), "utf8")}`;
    const says = ["Pulumi.x.yaml: is UTF-16 text; save it as UTF-8"];
    expect((await check(Buffer.from(text, "utf16le"))).mistakes.map(mistakeLine)).toEqual(says);
  });

  it("an `environment:` may hold all keys, so a file with nothing else is not refused", async () => {
    expect((await check(Buffer.from("environment: [shared/staging]\n"))).mistakes).toEqual([]);
  });

  it("every key of an unknown namespace is named, with the one that was meant", async () => {
    const { mistakes } = await check(fixture("namespace-typo"));
    expect(mistakes.map(({ line, fix }) => [line, fix])).toEqual([
      [4, 'did you mean "menagerie:nodeClass"?'],
      [5, 'did you mean "menagerie:serving"?'],
      [9, 'did you mean "menagerie:dynamicSettings"?'],
      [10, 'did you mean "menagerie:pools"?'],
      [16, 'did you mean "menagerie:zoo"?'],
      [29, 'did you mean "menagerie:development"?'],
    ]);
  });

  it("mistakes of schema, references and folders are told in one run, in the order of the file", async () => {
    const { mistakes } = await check(fixture("two-mistakes"));
    expect(mistakes.map(({ key, value, line }) => ({ key, value, line }))).toEqual([
      { key: "menagerie:pools.t4.replicas", value: '"many"', line: 4 },
      { key: "menagerie:zoo.iris.truss", value: '"models/absent"', line: 6 },
      { key: "menagerie:zoo.iris.phase", value: '"forwrd"', line: 6 },
      { key: "menagerie:zoo.multiplier.pool", value: '"t5"', line: 7 },
    ]);
  });

  it.each(["plain-password", "one-secret-of-two"])("%s is refused, and its value appears nowhere", async (name) => {
    const { mistakes } = await check(fixture(name));
    expect(mistakes.map(({ message }) => message).join("\n")).toContain("pulumi config set --secret");
    expect(JSON.stringify(mistakes)).not.toMatch(/correct-horse|written-in-the-open/);
  });
});
