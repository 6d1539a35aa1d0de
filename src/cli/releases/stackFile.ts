import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isMap, parse, parseDocument } from "yaml";
import { badInput } from "../../domain/errors.ts";
import { type ConfigEdit, configEdits, type StackConfig } from "../../domain/release/restore.ts";
import { projectFolder } from "../../local/localStack.ts";

const prefix = "menagerie:";

/** A stack's file, whose comments and order stay when its config is changed. */
export interface StackFile {
  readonly path: string;
  /** Keys of this project, without their prefix. */
  readonly config: StackConfig;
  /** Makes the file say `config`, by the smallest edits; answers them. Nothing is written where there are none. */
  write(config: StackConfig): Promise<readonly ConfigEdit[]>;
}

/** Reads `Pulumi.<stack>.yaml` of the project. */
export async function readStackFile(stack: string): Promise<StackFile> {
  const path = join(projectFolder, `Pulumi.${stack}.yaml`);
  const text = await readFile(path, "utf8").catch(() => {
    throw badInput(`stack "${stack}": there is no Pulumi.${stack}.yaml in ${projectFolder}; choose another`);
  });
  const config = stackConfigIn(text, path);
  return {
    path,
    config,
    async write(wanted) {
      const edits = configEdits(config, wanted);
      if (edits.length === 0) return edits;
      await writeFile(`${path}.new`, editStackText(text, edits));
      await rename(`${path}.new`, path);
      return edits;
    },
  };
}

/** The config of this project in a stack file's text. */
export function stackConfigIn(text: string, path: string): StackConfig {
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw badInput(`${path} is not valid YAML: ${problem.message}`);
  const { config } = (document.toJS() ?? {}) as { config?: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(config ?? {})
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}

/** The text of a stack file with these edits; comments, order and style of the rest stay. */
export function editStackText(text: string, edits: readonly ConfigEdit[]): string {
  const document = parseDocument(text);
  const normal = document.toString(style);
  for (const { path, to } of edits) {
    const [first = "", ...rest] = path;
    const at = ["config", prefix + first, ...rest];
    if (to === undefined) {
      document.deleteIn(at);
      continue;
    }
    // A scalar is changed in its place, so that its comment stays; what is written inside a {} stays inside.
    const node: unknown = typeof to === "object" ? document.createNode(to) : to;
    const parent = document.getIn(at.slice(0, -1));
    if (isMap(node) && isMap(parent) && parent.flow === true) node.flow = true;
    document.setIn(at, node);
  }
  return asWritten(text, normal, document.toString(style));
}

const style = { lineWidth: 0 };

/**
 * The library writes every line in a style of its own, such as its padding of lists. Lines that the edits left alone stay as
 * their writer had them, wherever that says the same.
 */
function asWritten(text: string, normal: string, edited: string): string {
  const [original, before] = [text.split("\n"), normal.split("\n")];
  if (original.length !== before.length) return edited;
  const written = new Map(before.map((line, index) => [line, original[index] ?? line]));
  const kept = edited
    .split("\n")
    .map((line) => written.get(line) ?? line)
    .join("\n");
  try {
    return isDeepStrictEqual(parse(kept), parse(edited)) ? kept : edited;
  } catch {
    return edited;
  }
}
