import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { issueLine } from "../../../src/config/issue.ts";
import { readStackText } from "../../../src/config/stackFile.ts";
import { checkStack } from "../../../src/plan/checkStack.ts";

const project = join(import.meta.dirname, "../../..");
const defaults = { gatewayUrl: "http://127.0.0.1:8080", databaseAddress: "10.0.0.1:5432" };

async function check(bytes: Uint8Array) {
  const file = "Pulumi.x.yaml";
  const removal = "pulumi destroy -s x";
  return checkStack(readStackText(bytes, file), { project, file, defaults, removal });
}

const fixture = (name: string) => readFileSync(join(project, "test/fixtures/stackFiles", `${name}.yaml`));
/** Nine aliases in each of ten lists. */
const laughs = `config:\n  l0: &l0 [x]\n${Array.from({ length: 10 }, (_, i) => `  l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`)}]`).join("\n")}`;
const linesOf = async (name: string) => (await check(fixture(name))).issues.map(issueLine);

it("an app that is left in vain is a warning at its place in the file, and stops nothing", async () => {
  const config = [
    "config:",
    "  menagerie:nodeClass: local",
    "  menagerie:zoo:",
    "    iris:",
    "      truss: models/iris",
    "      phase: reverted",
    '      from: "3"',
    '      leave: ["6", "ada"]',
  ];
  const { issues, warnings, spec } = await check(Buffer.from(`${config.join("\n")}\n`));
  expect(issues).toEqual([]);
  expect(spec?.zoo.iris?.leave).toEqual(["6", "ada"]);
  expect(warnings?.map(issueLine)).toEqual([
    `Pulumi.x.yaml:8:20: menagerie:zoo.iris.leave[1]: "ada" is not an app's id; give one that \`menagerie app list\` shows, or remove it`,
  ]);
});

describe("a stack file is strict from its first line", () => {
  it.each(["local", "staging", "prod"])("Pulumi.%s.yaml is right", async (stack) => {
    expect((await check(readFileSync(join(project, `Pulumi.${stack}.yaml`)))).issues).toEqual([]);
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

  it.each([
    ["a second document", "config: {}\n---\nconfig: {}", /:2:1: is not valid YAML: .*multiple documents/],
    [
      "an alias inside its own value",
      "config:\n  menagerie:zoo: &a { b: *a }",
      /:2:26: \*a is inside the value that it refers to;/,
    ],
    [
      "a tag that JSON has no value for",
      "config:\n  menagerie:zoo: !!set { a, b }",
      /the tag tag:yaml.org,2002:set is not allowed;/,
    ],
    ["a tag that nobody knows", "config:\n  menagerie:zoo: !mine { a: b }", /Unresolved tag: !mine/],
    [
      "a key twice",
      "config:\n  zoo: {}\n  menagerie:zoo: {}",
      /:2:3: menagerie:zoo: is declared twice, as "zoo" and "menagerie:zoo";/,
    ],
    ["aliases that grow without bound", laughs, /cannot be read/],
  ])("%s is refused by its place", async (_, text, says) => {
    const { issues } = await check(Buffer.from(text));
    expect(issues.map(issueLine).join("\n")).toMatch(says);
  });

  it("a mapping may be merged into others, as the engine does", async () => {
    const zoo = "    a: &model { truss: models/iris, phase: done }\n    b: { <<: *model, resources: { cpu: 2 } }";
    const { issues, spec } = await check(
      Buffer.from(`config:\n  menagerie:nodeClass: local\n  menagerie:zoo:\n${zoo}\n`),
    );
    expect(issues).toEqual([]);
    expect(spec?.zoo.b).toMatchObject({ truss: "models/iris", phase: "done", resources: { cpu: "2" } });
  });

  it("UTF-16 text is named as such", async () => {
    const text = `\ufeff${readFileSync(join(project, "Pulumi.local.yaml"), "utf8")}`;
    const says = ["Pulumi.x.yaml: is UTF-16 text; save it as UTF-8"];
    expect((await check(Buffer.from(text, "utf16le"))).issues.map(issueLine)).toEqual(says);
  });

  it("an `environment:` may hold all keys, so a file with nothing else is not refused", async () => {
    expect((await check(Buffer.from("environment: [shared/staging]\n"))).issues).toEqual([]);
  });

  it("a name that would be too long is told with the limit, its length and the longest that fits", async () => {
    const [issue] = (await check(fixture("long-name"))).issues;
    expect(issue?.line).toBe(4);
    expect(issue?.message).toMatch(
      /has 40 characters, and a DNS label at most 63: .* use at most 8 characters, such as "aaaaaaaa"/,
    );
  });

  it("every key of an unknown namespace is named, with the one that was meant", async () => {
    const { issues } = await check(fixture("namespace-typo"));
    expect(issues.map(({ line, fix }) => [line, fix])).toEqual([
      [4, 'did you mean "menagerie:nodeClass"?'],
      [5, 'did you mean "menagerie:serving"?'],
      [9, 'did you mean "menagerie:dynamicSettings"?'],
      [10, 'did you mean "menagerie:pools"?'],
      [16, 'did you mean "menagerie:zoo"?'],
      [29, 'did you mean "menagerie:development"?'],
    ]);
  });

  it("mistakes of schema, references and folders are told in one run, in the order of the file", async () => {
    const { issues } = await check(fixture("two-issues"));
    expect(issues.map(({ key, value, line }) => ({ key, value, line }))).toEqual([
      { key: "menagerie:pools.t4.replicas", value: '"many"', line: 4 },
      { key: "menagerie:zoo.iris.truss", value: '"models/absent"', line: 6 },
      { key: "menagerie:zoo.iris.phase", value: '"forwrd"', line: 6 },
      { key: "menagerie:zoo.multiplier.pool", value: '"t5"', line: 7 },
    ]);
  });

  it.each(["plain-password", "one-secret-of-two"])("%s is refused, and its value appears nowhere", async (name) => {
    const { issues } = await check(fixture(name));
    expect(issues.map(({ message }) => message).join("\n")).toContain("pulumi config set --secret");
    expect(JSON.stringify(issues)).not.toMatch(/correct-horse|written-in-the-open/);
  });
});
