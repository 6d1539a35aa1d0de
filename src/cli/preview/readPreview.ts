import * as z from "zod";
import { isEngineSecret, secretSignature } from "../../domain/engineSecret.ts";
import { stackType } from "../../domain/engineState.ts";
import { messageOf } from "../../domain/errors.ts";
import { changesOf } from "../../domain/preview/changedFields.ts";
import { type Preview, type PreviewDiagnostic, type PreviewStep, partsOfUrn } from "../../domain/preview/preview.ts";
import { refuse } from "../refusals.ts";

/**
 * What `pulumi preview --json` of engine 3.259 prints: one object, a digest without policies and outputs; or, with
 * PULUMI_ENABLE_STREAMING_JSON_PREVIEW=1, one engine event a line, policies and outputs among them. Not strict: the engine adds
 * keys as it grows.
 */
const state = z
  .object({
    inputs: z.record(z.string(), z.unknown()).default({}),
    outputs: z.record(z.string(), z.unknown()).default({}),
    parent: z.string().optional(),
    protect: z.boolean().optional(),
    retainOnDelete: z.boolean().optional(),
  })
  .nullish();

const severity = z.enum(["debug", "info", "info#err", "warning", "error"]);
const diagnostic = z.object({ message: z.string(), severity, urn: z.string().optional() });

const digest = z.object({
  steps: z
    .array(
      z.object({
        op: z.string(),
        urn: z.string().startsWith("urn:pulumi:"),
        oldState: state,
        newState: state,
        replaceReasons: z.array(z.string()).nullish(),
      }),
    )
    .default([]),
  diagnostics: z.array(diagnostic).default([]),
  changeSummary: z.record(z.string(), z.number()).nullish(),
});

const resourceEvent = z.object({
  metadata: z.object({
    op: z.string(),
    urn: z.string().startsWith("urn:pulumi:"),
    old: state,
    new: state,
    keys: z.array(z.string()).nullish(),
  }),
});

const event = z.object({
  sequence: z.number(),
  diagnosticEvent: diagnostic.extend({ ephemeral: z.boolean().optional() }).optional(),
  resourcePreEvent: resourceEvent.optional(),
  resOutputsEvent: resourceEvent.optional(),
  policyEvent: z
    .object({
      resourceUrn: z.string().optional(),
      message: z.string(),
      policyName: z.string(),
      policyPackName: z.string(),
      enforcementLevel: z.string(),
    })
    .optional(),
  policyAnalyzeSummaryEvent: z.object({ policyPackName: z.string() }).optional(),
});

type State = z.infer<typeof state>;
type Diagnostic = z.infer<typeof diagnostic>;

/** The parts of a replacement that the engine streams beside the `replace` itself. */
const partsOfReplacement = new Set([
  "create-replacement",
  "delete-replaced",
  "discard-replaced",
  "import-replacement",
  "read-replacement",
]);

/**
 * @param stack its name where the text does not say one, as of a preview that failed early
 * @throws OperatorError in a sentence where the text is no preview.
 */
export function readPreview(text: string, stack = "stack"): Preview {
  if (text.trim() === "") throw notAPreview("is empty");
  const { first, count } = values(text);
  if (count === 1 && !(isObject(first[0]) && "sequence" in first[0])) return fromDigest(first[0], stack);
  return fromEvents(first, stack);
}

function fromDigest(value: unknown, stack: string): Preview {
  const parsed = digest.safeParse(value);
  if (!parsed.success) throw notAPreview(issueOf(parsed.error));
  if (!isObject(value) || !("steps" in value || "diagnostics" in value || "changeSummary" in value)) {
    throw notAPreview('has neither "steps" nor "diagnostics"');
  }
  const steps = parsed.data.steps.map(({ op, urn, oldState, newState, replaceReasons }) =>
    stepOf(op, urn, oldState, newState, replaceReasons),
  );
  return preview(steps, parsed.data.diagnostics, { stack, policies: undefined, packs: [] });
}

function fromEvents(lines: readonly unknown[], stack: string): Preview {
  const steps: PreviewStep[] = [];
  const diagnostics: Diagnostic[] = [];
  const policies: NonNullable<Preview["policies"]>[number][] = [];
  const packs = new Set<string>();
  let outputs: Preview["outputs"];
  for (const [index, line] of lines.entries()) {
    const parsed = event.safeParse(line);
    if (!parsed.success) throw notAPreview(`event ${index + 1}: ${issueOf(parsed.error)}`);
    const { diagnosticEvent, resourcePreEvent, resOutputsEvent, policyEvent, policyAnalyzeSummaryEvent } = parsed.data;
    if (diagnosticEvent && !diagnosticEvent.ephemeral) diagnostics.push(diagnosticEvent);
    if (policyAnalyzeSummaryEvent) packs.add(policyAnalyzeSummaryEvent.policyPackName);
    if (policyEvent) {
      const { policyName, policyPackName, enforcementLevel, message, resourceUrn } = policyEvent;
      const result = { policy: policyName, pack: policyPackName, level: enforcementLevel, message, urn: resourceUrn };
      policies.push(result);
    }
    if (resourcePreEvent && !partsOfReplacement.has(resourcePreEvent.metadata.op)) {
      const { op, urn, old, new: next, keys } = resourcePreEvent.metadata;
      steps.push(stepOf(op, urn, old, next, keys));
    }
    // The stack's come twice: as they were, and once the program has ended.
    if (resOutputsEvent && partsOfUrn(resOutputsEvent.metadata.urn).type === stackType) {
      const { old, new: next } = resOutputsEvent.metadata;
      outputs = changesOf(old?.outputs ?? {}, next?.outputs ?? {});
    }
  }
  return preview(steps, diagnostics, { stack, policies, packs: [...packs], outputs });
}

function stepOf(op: string, urn: string, old: State, next: State, reasons: string[] | null | undefined): PreviewStep {
  const { type, name } = partsOfUrn(urn);
  // The stream writes the old state of a created resource, and the new one of a deleted, as an empty one.
  const before = op === "create" ? undefined : (old ?? undefined);
  const after = op === "delete" ? undefined : (next ?? undefined);
  const parent = (next ?? old)?.parent || old?.parent || undefined;
  return { op, urn, type, name, parent, before, after, replacedBy: reasons ?? [] };
}

function preview(
  steps: readonly PreviewStep[],
  diagnostics: readonly Diagnostic[],
  { stack, ...rest }: Pick<Preview, "stack" | "policies" | "packs" | "outputs">,
): Preview {
  const urn = steps[0]?.urn ?? diagnostics.find((each) => each.urn)?.urn;
  return {
    stack: urn === undefined ? stack : partsOfUrn(urn).stack,
    steps,
    diagnostics: diagnostics.flatMap(told),
    ...rest,
  };
}

function told({ severity: of, message, urn }: Diagnostic): PreviewDiagnostic[] {
  if (of === "debug") return [];
  // The digest has the severity once more in front of what is said.
  const said = message.replace(of === "error" ? /^error: / : /^warning: /, "");
  return [{ severity: of === "info#err" ? "info" : of, message: said, urn }];
}

/** One JSON value over many lines, or one a line. */
function values(text: string): { readonly first: readonly unknown[]; readonly count: number } {
  try {
    const value: unknown = JSON.parse(text);
    return { first: [value], count: 1 };
  } catch (whole) {
    const lines = text.split("\n").filter((line) => line.trim() !== "" && !isUnread(line));
    const read: unknown[] = [];
    for (const line of lines) {
      try {
        read.push(line.includes(secretSignature) ? JSON.parse(line, hidden) : JSON.parse(line));
      } catch {
        throw notAPreview(`is not JSON (${messageOf(whole)})`, whole);
      }
    }
    return { first: read, count: read.length };
  }
}

/** Outputs of resources other than the stack are half of what a large stack's preview says, and nobody reads them. */
function isUnread(line: string): boolean {
  return line.includes('"resOutputsEvent":{') && !line.includes(`"type":"${stackType}"`);
}

function hidden(_key: string, value: unknown): unknown {
  return isEngineSecret(value) ? "[secret]" : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function issueOf(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${issue?.path.join(".") || "it"}: ${issue?.message}`;
}

function notAPreview(problem: string, cause?: unknown): Error {
  return refuse("preview.not-json", { problem }, cause);
}
