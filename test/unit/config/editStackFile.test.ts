import { describe, expect, it } from "vitest";
import { editStackText } from "../../../src/config/editStackFile.ts";
import { ownConfig } from "../../../src/config/ownConfig.ts";
import { configEdits } from "../../../src/domain/release/restore.ts";

function edited(text: string, change: (config: Record<string, unknown>) => unknown): string {
  const before = ownConfig(text, "Pulumi.test.yaml");
  const wanted = change(structuredClone(before) as Record<string, unknown>) as Record<string, unknown>;
  const after = editStackText(text, configEdits(before, wanted));
  expect(ownConfig(after, "Pulumi.test.yaml")).toEqual(wanted);
  return after;
}

describe("an edit of a stack file", () => {
  it.each(["zoo", "menagerie:zoo", "menagerie:config:zoo"])("changes the key as it is written: %s", (key) => {
    const text = `config:\n  ${key}:\n    iris: { truss: models/iris, phase: copy } # ours\n`;
    expect(edited(text, () => ({ zoo: { iris: { truss: "models/iris", phase: "done" } } }))).toBe(
      `config:\n  ${key}:\n    iris: { truss: models/iris, phase: done } # ours\n`,
    );
    expect(edited(text, () => ({}))).not.toContain(key);
  });

  const anchored = `config:
  zoo:
    iris: &both { truss: models/iris, phase: copy }
    other: *both
    third: { <<: *both, pool: t4 }
`;

  it("changes one place alone where an anchor has several", () => {
    const zoo = (name: string) => (config: Record<string, unknown>) => {
      const models = config.zoo as Record<string, object>;
      return { zoo: { ...models, [name]: { ...models[name], phase: "done" } } };
    };
    for (const name of ["iris", "other", "third"]) edited(anchored, zoo(name));
  });

  it("removes what came by a merge key", () => {
    edited(anchored, ({ zoo }) => ({ zoo: { ...(zoo as object), third: { truss: "models/third", pool: "t4" } } }));
  });

  it("is refused for a file with mistakes, which are named with their lines", () => {
    expect(() => ownConfig("config:\n  menagery:zoo: {}\n", "Pulumi.test.yaml")).toThrow(
      'Pulumi.test.yaml:2:3: menagery:zoo: unknown namespace; did you mean "menagerie:zoo"?',
    );
  });
});
