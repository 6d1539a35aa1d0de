import { maskedText } from "../credentials/maskedText.ts";
import {
  configFilename,
  configForPatch,
  isControlTruss,
  parseTrussConfig,
  systemPackages,
  type TrussConfig,
} from "../truss/config.ts";
import { mebibytes, sizeOf } from "../truss/content.ts";
import { hashSnapshot } from "../truss/hash.ts";
import { configText, fileRequirements, type TrussSignature } from "../truss/signature.ts";
import { contentAt, type TrussSnapshot } from "../truss/snapshot.ts";
import { defaultLimits } from "./chain.ts";
import { blockedByEmptyFolders, changedPaths, fileBody, type PathChange } from "./files.ts";
import type { ExternalDataItem, PatchOperation, PatchPlan } from "./operation.ts";
import { requirementPatches } from "./requirements.ts";
import { isSame } from "./same.ts";

/**
 * How a truss that has `previous` as its signature becomes `next`: the patches that truss 0.18.35 would send, or the
 * reasons why patches cannot do it. Unlike the library it sends CRLF as it is, removes a file that became a folder,
 * and asks for a full deployment where a patch would leave the container different from its truss (another Python
 * version, other resources or folders).
 *
 * @throws OperatorError when one of the configs is invalid.
 */
export function computePatch(
  previous: TrussSignature,
  next: TrussSnapshot,
  patterns: readonly string[] = [],
): PatchPlan {
  const nextHash = hashSnapshot(next, patterns);
  if (!contentAt(next, configFilename)) return { nextHash, fullDeployment: [`${configFilename} was removed`] };
  const text = configText(next);
  const before = parseTrussConfig(previous.config, `${configFilename} of the running version`);
  const after = parseTrussConfig(text);
  const changes = changedPaths(previous, next, patterns);
  const configured = configPatch(previous.config, text);
  const reasons = [
    ...configReasons(before, after),
    ...(configured && "reason" in configured ? [`${configFilename}: ${configured.reason}`] : []),
    ...pathReasons(previous, changes, after),
  ];
  if (reasons.length > 0) return { nextHash, fullDeployment: reasons };
  return {
    nextHash,
    patches: [
      ...requirementPatches(
        before.requirements_file ? previous.requirements_file_requirements : before.requirements,
        after.requirements_file ? fileRequirements(next, after.requirements_file) : after.requirements,
      ),
      ...filePatches(changes, "package", after.bundled_packages_dir),
      ...environmentPatches(before.environment_variables, after.environment_variables),
      ...externalDataPatches(before, after),
      ...(configured && "config" in configured
        ? [{ type: "config", body: { action: "UPDATE", config: configured.config, path: configFilename } } as const]
        : []),
      ...filePatches(changes, "model_code", after.model_module_dir),
    ],
  };
}

/** Keys that only a new image or pod can follow. */
const deploymentKeys = [
  ...["python_version", "resources", "model_module_dir", "bundled_packages_dir", "data_dir", "base_image"],
  ...["build_commands", "docker_server", "external_package_dirs", "model_cache", "weights", "trt_llm"],
];

/**
 * Why the change from one config.yaml to another needs a full deployment; empty where patches can follow it.
 * @throws OperatorError when one of the texts is not a valid config.
 */
export function deploymentReasons(before: string, after: string): string[] {
  if (before === after) return [];
  return configReasons(parseTrussConfig(before, `${configFilename} of the running version`), parseTrussConfig(after));
}

function configReasons(before: TrussConfig, after: TrussConfig): string[] {
  const reasons = deploymentKeys
    .filter((key) => !isSame(before[key] ?? null, after[key] ?? null))
    .map((key) => `${configFilename}: ${key} changed`);
  const [old, wanted] = [systemPackages(before).sort(), systemPackages(after).sort()];
  if (!isSame(old, wanted)) {
    const change = `from [${old.join(", ")}] to [${wanted.join(", ")}]`;
    reasons.push(`${configFilename}: system_packages changed ${maskedText(change)}`);
  }
  if (isControlTruss(before) !== isControlTruss(after)) reasons.push(`${configFilename}: live_reload changed`);
  return reasons;
}

function pathReasons(previous: TrussSignature, changes: readonly PathChange[], config: TrussConfig): string[] {
  const model = folderOf(config.model_module_dir);
  const packages = folderOf(config.bundled_packages_dir);
  const data = folderOf(config.data_dir);
  const isPatched = (path: string): boolean => isBelow(path, model) || isBelow(path, packages);
  const whole = [model, packages, data].some(isWholeTruss);
  return [
    ...(whole
      ? changes
          .filter(({ path, content, action }) => path !== configFilename && (content || action === "REMOVE"))
          .map(({ path }) => `${path}: cannot be patched where ${configFilename} names "." as a folder`)
      : []),
    ...changes
      .filter(({ path }) => isBelow(path, data) && !isPatched(path))
      .map(({ path, action }) => `${path}: data cannot be patched (${action})`),
    ...sizeReasons(changes.filter(({ path }) => isPatched(path))),
    ...blockedByEmptyFolders(previous, changes)
      .filter(isPatched)
      .map((path) => `${path}: was a folder that holds empty folders, and is a file now`),
  ];
}

/** What no patch can carry is not even read. */
function sizeReasons(changes: readonly PathChange[]): string[] {
  const sizes = changes.map(({ path, content }) => ({ path, size: content ? sizeOf(content) : 0 }));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  const limit = defaultLimits.sizePerPatch;
  if (total <= limit) return [];
  const largest = sizes.reduce((a, b) => (b.size > a.size ? b : a));
  const all = total > largest.size ? `, all changed files ${mebibytes(total)} MiB` : "";
  return [`${largest.path}: has ${mebibytes(largest.size)} MiB${all}; a patch carries at most ${mebibytes(limit)} MiB`];
}

function filePatches(
  changes: readonly PathChange[],
  type: "model_code" | "package",
  configured: string,
): PatchOperation[] {
  const folder = folderOf(configured);
  return changes
    .filter(({ path, action, content }) => isBelow(path, folder) && (content !== undefined || action === "REMOVE"))
    .map((change) => ({ type, body: fileBody(change, folder) }));
}

function environmentPatches(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): PatchOperation[] {
  const patches: PatchOperation[] = [];
  for (const [name, value] of Object.entries(before)) {
    if (!Object.hasOwn(after, name)) {
      patches.push({ type: "environment_variable", body: { action: "REMOVE", item: { [name]: value } } });
    }
  }
  for (const [name, value] of Object.entries(after)) {
    if (Object.hasOwn(before, name) && before[name] === value) continue;
    const action = Object.hasOwn(before, name) ? "UPDATE" : "ADD";
    patches.push({ type: "environment_variable", body: { action, item: { [name]: value } } });
  }
  return patches;
}

function externalDataPatches(before: TrussConfig, after: TrussConfig): PatchOperation[] {
  const [old, wanted] = [externalData(before), externalData(after)];
  const missingIn = (list: readonly ExternalDataItem[]) => (item: ExternalDataItem) =>
    !list.some((other) => isSame(item, other));
  return [
    ...old.filter(missingIn(wanted)).map((item) => ({ action: "REMOVE" as const, item })),
    ...wanted.filter(missingIn(old)).map((item) => ({ action: "ADD" as const, item })),
  ].map((body) => ({ type: "external_data", body }));
}

function externalData(config: TrussConfig): ExternalDataItem[] {
  return (config.external_data ?? []).map(
    (item) =>
      Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null)) as unknown as ExternalDataItem,
  );
}

/** The patch of the whole config; undefined where both texts mean the same. */
function configPatch(
  before: string,
  after: string,
): { readonly config: Record<string, unknown> } | { readonly reason: string } | undefined {
  if (before === after) return undefined;
  const [old, wanted] = [configForPatch(before), configForPatch(after)];
  return "config" in old && "config" in wanted && isSame(old.config, wanted.config) ? undefined : wanted;
}

function folderOf(configured: string): string {
  return configured.replace(/^(\.\/)+/, "").replace(/\/+$/, "");
}

/** Of such a folder every file is part, config.yaml too; patches name files below a folder. */
function isWholeTruss(folder: string): boolean {
  return folder === "." || folder === "";
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}
