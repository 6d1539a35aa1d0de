import type { StoredPatch } from "./chain.ts";
import type { PatchOperation } from "./operation.ts";
import { requirementIdentity } from "./requirements.ts";

/**
 * Several patches as one: of the operations on one thing (a file, a requirement, a variable, the config) only the last
 * counts, at its place in the order. One restart applies what would have taken one per patch, and a patch that cannot
 * be applied by itself (a requirement that does not exist) is healed by a later one that takes it back.
 *
 * The order of what stays is kept, so a file that takes a removed folder's place still comes behind the removals.
 */
export function squash(patches: readonly StoredPatch[]): PatchOperation[] {
  const last = new Map<string, PatchOperation>();
  for (const { ops } of patches) {
    for (const op of ops) {
      const key = subjectOf(op);
      // Deleted first, so that the entry moves to the end.
      last.delete(key);
      last.set(key, op);
    }
  }
  return withoutForgotten([...last.values()], patches.at(-1)?.requirements);
}

/**
 * Without requirements that the truss does not have any more: of an address that is taken back there is no operation (it has no name to be
 * uninstalled by), and one that cannot be installed would stay in the way of every later patch.
 */
function withoutForgotten(ops: PatchOperation[], requirements: readonly string[] | undefined): PatchOperation[] {
  if (!requirements) return ops;
  const kept = new Set(requirements.map(requirementIdentity));
  return ops.filter(
    ({ type, body }) =>
      type !== "python_requirement" || body.action === "REMOVE" || kept.has(requirementIdentity(body.requirement)),
  );
}

/** Whether the running process may take the operations without a restart: every one says `hot_reload`. */
export function isHot(ops: readonly PatchOperation[]): boolean {
  return ops.length > 0 && ops.every((op) => op.type === "model_code" && op.body.hot_reload === true);
}

/** The operations for a process that is started anew. */
export function cold(ops: readonly PatchOperation[]): PatchOperation[] {
  return ops.map((op) => {
    if (op.type !== "model_code") return op;
    const { hot_reload: _, ...body } = op.body;
    return { type: op.type, body };
  });
}

function subjectOf(op: PatchOperation): string {
  switch (op.type) {
    case "model_code":
    case "package":
      return `${op.type} ${op.body.path}`;
    case "config":
      return op.type;
    case "python_requirement":
      return `${op.type} ${requirementIdentity(op.body.requirement)}`;
    case "environment_variable":
      return `${op.type} ${Object.keys(op.body.item).join(" ")}`;
    case "external_data":
      return `${op.type} ${op.body.item.local_data_path}`;
  }
}
