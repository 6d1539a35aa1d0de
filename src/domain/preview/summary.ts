import { maskedText } from "../credentials/maskedText.ts";
import { changedResources } from "./changedFields.ts";
import { gpuDemand } from "./gpus.ts";
import { code, fenced, item, plain, section } from "./markdown.ts";
import { isComponent, isDynamic, type Preview, type PreviewStep, partsOfUrn, shortType } from "./preview.ts";

/** Comments of pull requests hold at most 65,536 characters; an error's stack is the only part without a bound of its own. */
const longestError = 4_000;

/**
 * The comment of a pull request about one stack: what is dangerous first, then what moves, what it costs, and what
 * policies say. Markdown.
 */
export function summarizePreview(told: Preview): string {
  const preview = withoutPasswords(told);
  const { stack, steps, diagnostics } = preview;
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const parts = [
    `## ${code(stack)}: ${headline(steps, errors.length > 0)}`,
    ...section(
      "The preview failed",
      errors.map(({ message }) => fenced(message.slice(0, longestError))),
    ),
    ...section("⚠️ Dangerous", dangerous(steps)),
    ...section("Policies", policies(preview)),
    ...section("Rollouts", planned(preview, "menagerie:zoo:ModelZooEntry", rolloutMoves(steps))),
    ...section("Development versions", planned(preview, "menagerie:development:DevelopmentVersion", [])),
    ...section("Builds", builds(steps)),
    ...section("GPUs per pool", gpus(steps)),
    ...section("Changed", changedResources(steps)),
    ...section("Drift", drift(steps)),
    ...section("Warnings", warnings(preview)),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Everybody who sees the pull request reads it: also what a provider says of an address with its password. */
function withoutPasswords(preview: Preview): Preview {
  const masked = <Told extends { readonly message: string }>(told: Told): Told => ({
    ...told,
    message: maskedText(told.message),
  });
  return { ...preview, diagnostics: preview.diagnostics.map(masked), policies: preview.policies?.map(masked) };
}

const counted = ["create", "update", "replace", "delete", "import"] as const;

function headline(steps: readonly PreviewStep[], failed: boolean): string {
  const resources = steps.filter((step) => !isComponent(step));
  const counts = counted
    .map((op) => [op, resources.filter((step) => step.op === op).length] as const)
    .filter(([, count]) => count > 0)
    .map(([op, count]) => `${count} to ${op}`);
  if (failed) return ["failed", ...counts].join(", ");
  return counts.length > 0 ? counts.join(", ") : "no changes";
}

/** Deletes and replacements; not of images, for a new one lies beside the old one, which stays, nor of what stays behind. */
function dangerous(steps: readonly PreviewStep[]): string[] {
  return steps
    .filter((step) => (step.op === "delete" || step.op === "replace") && !isComponent(step))
    .filter(({ op, before }) => op !== "delete" || !before?.retainOnDelete)
    .filter((step) => !isDynamic(step, "TrussImage") && !isDynamic(step, "CheckoutImage"))
    .map((step) => {
      const reason = step.replacedBy.length > 0 ? `, because of ${step.replacedBy.map(code).join(", ")}` : "";
      return item(`**${step.op}** ${code(shortType(step.type))} ${code(step.name)}${reason}${consequence(step)}`);
    });
}

function consequence(step: PreviewStep): string {
  if (step.op === "delete" && isDynamic(step, "ZooMigration")) return ": moves nobody; the journal stays";
  if (step.type === "kubernetes:core/v1:Namespace") return ": **with everything in it**";
  if (/^postgresql:.*:(Database|Schema)$/.test(step.type)) return ": **with its data**";
  return "";
}

/** What the program planned for components of a type, with what their steps add. */
function planned({ diagnostics }: Preview, type: string, moves: readonly string[]): string[] {
  const lines = diagnostics
    .filter(({ severity, urn }) => severity === "info" && urn !== undefined && partsOfUrn(urn).type === type)
    .map(({ message }) => item(plain(message)));
  return [...moves, ...lines];
}

function rolloutMoves(steps: readonly PreviewStep[]): string[] {
  const moves: string[] = [];
  for (const step of steps) {
    if (isDynamic(step, "ZooRollout")) {
      const [before, after] = [step.before?.inputs.phase, step.op === "delete" ? "off" : step.after?.inputs.phase];
      if (before !== after) moves.push(item(`**${plain(step.name)}**: ${phase(before)} → **${phase(after)}**`));
    }
    if (isDynamic(step, "RolloutTraffic") && step.op !== "delete") {
      const [before, after] = [step.before?.inputs.weight, step.after?.inputs.weight];
      if (before !== after)
        moves.push(item(`**${plain(step.name)}**: traffic ${percent(before)} → **${percent(after)}**`));
    }
    if (isDynamic(step, "ZooMigration") && (step.op === "create" || step.op === "update" || step.op === "replace")) {
      const { from, to, direction, paused } = step.after?.inputs ?? {};
      const way = direction === "reverted" ? `back from ${plain(String(to))} to` : `from ${plain(String(from))} to`;
      const end = direction === "reverted" ? from : to;
      const rest = paused === true ? ", paused" : "";
      moves.push(item(`**${plain(step.name)}**: apps move ${way} ${plain(String(end))}${rest}`));
    }
  }
  return moves;
}

function percent(value: unknown): string {
  return typeof value === "number" ? `${value} %` : "new";
}

function phase(value: unknown): string {
  return typeof value === "string" ? value : "new";
}

function builds(steps: readonly PreviewStep[]): string[] {
  return steps
    .filter((step) => isDynamic(step, "TrussImage") && (step.op === "create" || step.op === "replace"))
    .map((step) => {
      const { before, after } = step;
      const folder = plain(String(after?.inputs.folder ?? step.name));
      const [old, fresh] = [before?.inputs.hash, after?.inputs.hash].map((hash) =>
        typeof hash === "string" ? code(hash.slice(0, 12)) : undefined,
      );
      if (step.op === "create") return item(`**${plain(step.name)}** from ${folder}: new image of content ${fresh}`);
      if (old !== fresh) return item(`**${plain(step.name)}** from ${folder}: content ${old} → ${fresh}`);
      return item(`**${plain(step.name)}** from ${folder}: ${step.replacedBy.map(code).join(", ")} changed`);
    });
}

function gpus(steps: readonly PreviewStep[]): string[] {
  const { pools, hidden } = gpuDemand(steps);
  const changed = pools.filter(({ before, after }) => before !== after);
  const uncounted =
    hidden.length > 0 ? ["", `Not counted, for their specs hold secrets: ${hidden.map(code).join(", ")}.`] : [];
  if (changed.length === 0) return [];
  return [
    "| pool | now | after |",
    "| --- | --: | --: |",
    ...pools.map(({ pool, before, after }) => `| ${plain(pool)} | ${before} | ${after} |`),
    ...uncounted,
  ];
}

/**
 * What `preview --refresh` found changed behind the stack's back and would put back. A refresh step holds the state as it
 * was recorded; the step that follows for the same resource holds, as its old state, what was found.
 */
function drift(steps: readonly PreviewStep[]): string[] {
  const recorded = new Map(steps.filter(({ op }) => op === "refresh").map((step) => [step.urn, step.before]));
  const lines: string[] = [];
  for (const { op, urn, type, name, before } of steps) {
    const known = recorded.get(urn);
    // What is only read, such as the outputs of the last `up`, is nobody's edit of the stack.
    if (!known || op === "refresh" || op === "same" || op.startsWith("read")) continue;
    const what = `${code(shortType(type))} ${code(name)}`;
    if (op === "create") lines.push(item(`${what}: gone, and would be made again`));
    const keys = before ? changedKeys(known.outputs, before.outputs) : [];
    if (keys.length > 0) lines.push(item(`${what}: ${keys.map(code).join(", ")} edited by others`));
  }
  return lines;
}

function changedKeys(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => !key.startsWith("__"))
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .sort();
}

function policies({ policies: results, packs, diagnostics }: Preview): string[] {
  if (!results) return [];
  if (packs.length === 0 && results.length === 0) return [];
  // Of a preview that failed they have seen a part.
  if (results.length === 0 && diagnostics.some(({ severity }) => severity === "error")) return [];
  if (results.length === 0) return [`All of ${packs.map(code).join(", ")} passed.`];
  const ordered = [...results].sort((one, other) => rank(one.level) - rank(other.level));
  return ordered.map(({ policy, level, message, urn }) => {
    const where = urn === undefined ? "" : ` ${code(partsOfUrn(urn).name)}`;
    return item(
      `${level === "mandatory" ? "❌" : "⚠️"} **${plain(policy)}** (${plain(level)})${where}\n${plain(message)}`,
    );
  });
}

function rank(level: string): number {
  return level === "mandatory" ? 0 : 1;
}

/** What the engine says of a plugin that was put on the PATH for it, as the policy pack's runtime is. */
const pluginOnPath = /^using pulumi-[\w-]+ from \$PATH at /;

function warnings({ diagnostics }: Preview): string[] {
  return diagnostics
    .filter(({ severity, message }) => severity === "warning" && !pluginOnPath.test(message))
    .map(({ message }) => item(plain(message)));
}
