import { type Declaration, declarationsOf, type Member } from "./declarations.ts";
import { anchor, code, generated, page, prose, table } from "./markdown.ts";

const file = "src/environment/outputs.ts";

/** Interfaces that the outputs are made of. */
export function outputDeclarations(): Declaration[] {
  return declarationsOf(file).filter(({ name }) => name.endsWith("Output") || name === "EnvironmentOutputs");
}

/** docs/reference/outputs.md: what a stack exports, from the types of its outputs. */
export function outputsPage(): string {
  const all = outputDeclarations();
  const stack = all.find(({ name }) => name === "EnvironmentOutputs");
  const parts = all.filter((each) => each !== stack);
  const linked = (type: string): string => {
    const part = parts.find(({ name }) => new RegExp(`\\b${name}\\b`).test(type));
    return part ? `${code(type)}: [${part.name}](#${anchor(part.name)})` : code(type);
  };
  const rows = (members: readonly Member[]) =>
    members.map(({ name, type, about, optional }) => [
      code(name),
      linked(type),
      prose(about),
      optional ? "may be left out" : "",
    ]);
  const head = ["Output", "Type", "Meaning", ""];
  return page(
    "# Stack outputs",
    "`npx menagerie pulumi -- stack output --json` prints them for the environment on this machine, `pulumi stack output --json -s STACK` for another stack. Other programs read them with a `StackReference`. Secrets are never among them.",
    generated(`the types in \`${file}\``),
    "`pulumi.Output<T>` and `pulumi.Input<T>` stand for a `T` that is known once the resource exists; readers get the plain value.",
    "## Outputs of a stack",
    table(head, rows(stack?.members ?? [])),
    ...parts.flatMap(({ name, about, members, bases }) => [
      `## ${name}`,
      prose(about),
      bases.length > 0 ? `With the members of ${bases.map(code).join(" and ")}.` : "",
      table(head, rows(members)),
    ]),
  );
}
