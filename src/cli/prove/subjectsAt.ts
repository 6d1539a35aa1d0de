import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentSpec, ShadowedModelSpec, ZooEntrySpec } from "../../config/environment.ts";
import { readStackText } from "../../config/stackFile.ts";
import type { Subject } from "../../domain/proof/subjects.ts";
import { checkStack } from "../../plan/checkStack.ts";
import { concernedByContent } from "../../plan/content.ts";
import { proofBounds } from "../../plan/proofBounds.ts";
import { projectSettings, stackFilePath } from "../../plan/stackFilePath.ts";
import { trussesOf } from "../../plan/trusses.ts";
import { refuse as refuseCli } from "../refusals.ts";
import { unknownDefaults } from "../unknownDefaults.ts";
import { refuse } from "./refusals.ts";

/** A stack as one revision declares it. */
export interface StackAt {
  /** Folder of Pulumi.yaml at that revision. */
  readonly project: string;
  readonly subjects: readonly Subject[];
  /** Models whose content is pinned to another hash than their folder has, so that it cannot be built here. */
  readonly pinned: readonly string[];
}

/**
 * The models of a stack, read from the files of one revision: no cluster, no database, no secret.
 *
 * @param revision - for sentences
 * @throws OperatorError where the stack's file or a truss has mistakes.
 */
export async function stackAt(project: string, stack: string, revision: string): Promise<StackAt> {
  const { stackConfigDir = "" } = await projectSettings(project);
  const { path, file } = stackFilePath(join(project, stackConfigDir), stack, { named: undefined, folder: project });
  const bytes = await readFile(path).catch((error: unknown) => {
    throw refuseCli("stack.no-file", { stack, file, projectFolder: revision }, error);
  });
  const { issues, spec } = await checkStack(readStackText(bytes, file), {
    project,
    file,
    defaults: unknownDefaults,
    removal: `menagerie destroy -s ${stack}`,
  });
  if (!spec) {
    const mistakes = issues.map(({ message }) => `  ${message}`).join("\n");
    throw refuse("prove.stack-wrong", { revision, mistakes });
  }
  return subjectsOf(spec, project);
}

async function subjectsOf(spec: EnvironmentSpec, project: string): Promise<StackAt> {
  const concerned = concernedByContent(spec);
  const isPinned = ({ hash }: ZooEntrySpec): boolean => hash !== undefined;
  const unpinned = Object.fromEntries(Object.entries(concerned).filter(([, entry]) => !isPinned(entry)));
  const trusses = await trussesOf({ ...spec, zoo: unpinned }, project);
  const pinned: string[] = [];
  const zoo = await Promise.all(
    Object.entries(concerned).map(async ([name, entry]): Promise<Subject[]> => {
      const truss = trusses.get(entry.truss) ?? (await pinnedTruss(entry, project));
      if (!truss || (entry.hash !== undefined && entry.hash !== truss.hash)) {
        pinned.push(name);
        return [];
      }
      const declared = { recordedAs: name, hasState: entry.state, ...proofBounds(entry, spec.shadows) };
      return [{ kind: "zoo", name, ...modelOf(entry, truss), ...declared }];
    }),
  );
  const truss = (folder: string) => trusses.get(folder) ?? { hash: "", secrets: [] };
  const development = Object.entries(spec.development).map(([name, entry]): Subject => {
    return {
      kind: "development",
      name,
      ...modelOf(entry, truss(entry.truss)),
      recordedAs: name,
      hasState: false,
      rules: {},
    };
  });
  const shadows = Object.entries(spec.shadows).flatMap(([deployment, { primary, shadows: sides, compare: rules }]) =>
    Object.entries({ primary, ...sides }).map(([side, model]): Subject => {
      const name = `${deployment}/${side}`;
      const declared = { recordedAs: deployment, hasState: false, rules };
      return { kind: "shadow", name, ...modelOf(model, truss(model.truss)), ...declared };
    }),
  );
  return { project, subjects: [...zoo.flat(), ...development, ...shadows], pinned };
}

function modelOf(
  { truss, env, resources }: Pick<ShadowedModelSpec, "truss" | "env" | "resources">,
  { hash, secrets }: { readonly hash: string; readonly secrets: readonly string[] },
) {
  return { truss, env, resources, hash, secrets };
}

/** The folder of a model that is pinned by its hash, which need not be there. */
async function pinnedTruss({ truss }: ZooEntrySpec, project: string) {
  const model = { pinned: { truss } };
  return (await trussesOf({ zoo: model, development: {}, shadows: {} }, project).catch(() => undefined))?.get(truss);
}
