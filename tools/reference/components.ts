import { globSync } from "node:fs";
import { type Declaration, declarationsOf, project } from "./declarations.ts";
import { anchor, code, generated, page, prose, table } from "./markdown.ts";

/** docs/reference/components.md: every component that the package exports, with its arguments and properties. */
export function componentsPage(): string {
  const all = declaredComponents();
  const shared = declarationsOf("components/modelArgs.ts");
  return page(
    "# Components",
    "The package `menagerie` exports a component for each thing that an environment declares. Their arguments are those of the stack files ([config keys](config.md)). [A program of your own](../package.md) shows how they are used.",
    generated("the sources in `components/`"),
    table(
      ["Component", "What it is"],
      all.map(({ component: { name, about } }) => [`[${name}](#${anchor(name)})`, prose(firstSentence(about))]),
    ),
    "## Shared arguments",
    ...shared.flatMap(argumentsOf),
    ...all.flatMap(({ component, args, file }) => [
      `## ${component.name}`,
      prose(component.about),
      component.example && `\`\`\`ts\n${component.example}\n\`\`\``,
      ...(args ? argumentsOf(args) : []),
      component.members.length > 0
        ? `Properties:\n\n${table(
            ["Property", "Type", "Meaning"],
            component.members.map(({ name, type, about }) => [code(name), code(type), prose(about)]),
          )}`
        : "",
      `Source: [${file}](../../${file})`,
    ]),
  );
}

interface DeclaredComponent {
  readonly file: string;
  readonly component: Declaration;
  readonly args: Declaration | undefined;
}

/** By name. */
export function declaredComponents(): DeclaredComponent[] {
  const files = globSync("components/*.ts", { cwd: project }).sort();
  return files.flatMap((file) => {
    const all = declarationsOf(file);
    const components = all.filter(({ isClass, bases }) => isClass && bases.includes("pulumi.ComponentResource"));
    return components.map((component) => ({
      file,
      component,
      args: all.find(({ name }) => name === `${component.name}Args`),
    }));
  });
}

function argumentsOf({ name, bases, members }: Declaration): string[] {
  const inherited = bases.map((base) => code(base.replaceAll(/\s+/g, " "))).join(", ");
  return [
    `### ${name}`,
    inherited && `With the arguments of ${inherited}.`,
    table(
      ["Argument", "Type", "Meaning", "Default"],
      members.map(({ name: argument, type, optional, about, default: byDefault }) => [
        code(argument),
        code(type),
        prose(about),
        optional ? prose(byDefault) : "required",
      ]),
    ),
  ];
}

function firstSentence(text: string): string {
  return /^.*?\.(?= |\n|$)/s.exec(text)?.[0] ?? text;
}
