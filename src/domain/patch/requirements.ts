import { pythonStrip } from "../truss/pythonStrip.ts";
import { requirementName } from "../truss/requirements.ts";
import type { PatchOperation } from "./operation.ts";

/**
 * Patches from one requirement list to another. A requirement is known by its name, an address by its repository. An
 * address that is removed without saying `#egg=` cannot be uninstalled: it stays installed, as with the truss library.
 */
export function requirementPatches(previous: readonly string[], next: readonly string[]): PatchOperation[] {
  const before = byIdentity(previous);
  const after = byIdentity(next);
  const patches: PatchOperation[] = [];
  const add = (action: "ADD" | "UPDATE" | "REMOVE", requirement: string): void => {
    patches.push({ type: "python_requirement", body: { action, requirement } });
  };
  // Removals first: the container applies in this order, and a name may only have changed its spelling.
  for (const [identity, requirement] of before) {
    if (after.has(identity)) continue;
    if (!isAddress(requirement)) add("REMOVE", identity);
    else if (/#(.*&)?egg=[^&]/.test(requirement)) add("REMOVE", requirement);
  }
  for (const [identity, requirement] of after) {
    const old = before.get(identity);
    if (old === undefined) add("ADD", requirement);
    else if (old !== requirement) add("UPDATE", requirement);
  }
  return patches;
}

function byIdentity(requirements: readonly string[]): Map<string, string> {
  return new Map(requirements.map((requirement) => [requirementIdentity(requirement), requirement]));
}

function isAddress(requirement: string): boolean {
  return /^(https?|git|svn|hg|bzr)(\+|:\/\/)/.test(pythonStrip(requirement));
}

/** The library's identity of a requirement: name as written, or version control, host and path without the revision. */
export function requirementIdentity(requirement: string): string {
  const text = pythonStrip(requirement);
  if (!isAddress(text)) return requirementName(text) ?? text;
  const versionControl = /^(git|svn|hg|bzr)\+/.exec(text)?.[1];
  if (!versionControl) return text;
  const address = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:\/\/([^/?#]*))?([^?#]*)/.exec(text);
  return `${versionControl}+${address?.[1] ?? ""}${(address?.[2] ?? "").split("@")[0]}`;
}
