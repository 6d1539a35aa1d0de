import type { Clause } from "./refusals/clause.ts";
import { refusal, refused } from "./refusals/refusal.ts";
import type { DeploymentMode } from "./serving/servedModel.ts";

/** What bounds a name: who refuses longer ones, or cuts them off. Lengths in bytes; all names but PostgreSQL's are ASCII. */
export const nameBounds = {
  /** RFC 1035, and the names of Services. KServe never reconciles a model whose host does not fit (kserve#4807). */
  dnsLabel: { longest: 63, of: "a DNS label" },
  /** Kubernetes API conventions. */
  label: { longest: 63, of: "the value of a Kubernetes label" },
  /** PostgreSQL cuts longer identifiers off silently, so that two of them may become one (NAMEDATALEN - 1). */
  identifier: { longest: 63, of: "a PostgreSQL identifier" },
} as const;

/** A name that is made from one that an operator chose. */
export interface GeneratedName {
  /** What has it, such as `host`. */
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly bound: (typeof nameBounds)[keyof typeof nameBounds];
}

/** Versions of a model are counted up to this, so that a name that fits today fits when it is rolled out often. */
export const highestVersion = 99_999;

/** What the engine adds to a name that it makes up. */
export const generatedPart = "-00000000";

/** What KServe (0.20) and Knative make from an InferenceService's name. */
interface ServiceNames {
  readonly namespace: string;
  readonly mode: DeploymentMode;
  /** Whether a recorder is in front of it, as a transformer. */
  readonly recorded?: boolean;
}

/**
 * Names that are made from an InferenceService's. `suffix` is what stands between the operator's part and what KServe adds, such
 * as `-v99999`.
 */
export function serviceNames({ namespace, mode, recorded = false }: ServiceNames, suffix = ""): GeneratedName[] {
  const component = `${suffix}-${recorded ? "transformer" : "predictor"}`;
  if (mode === "Knative") {
    return [{ what: "revision", before: "", after: `${component}-00001`, bound: nameBounds.label }];
  }
  return [
    { what: "host", before: "", after: `${component}-${namespace}`, bound: nameBounds.dnsLabel },
    { what: "label app", before: "isvc.", after: component, bound: nameBounds.label },
  ];
}

/** Characters that the operator's part may have, so that every name made from it fits; none fits where it is below 1. */
export function longestPart(names: readonly GeneratedName[]): number {
  return Math.min(...names.map(({ before, after, bound }) => bound.longest - before.length - after.length));
}

/**
 * What is wrong with a name that others are made from, as the rest of a sentence about it: the limit, the length, and the longest
 * beginning of it that fits. Undefined when all of them fit.
 *
 * @param shorten - what else may be shortened where the part itself would become shorter than three characters, with its length
 */
export function longNameIssue(
  part: string,
  names: readonly GeneratedName[],
  shorten?: { readonly key: string; readonly length: number },
): Clause | undefined {
  const longest = longestPart(names);
  if (part.length <= longest) return undefined;
  const tight = names.find((name) => longestPart([name]) === longest);
  if (!tight) return undefined;
  const made = `${tight.before}${part}${tight.after}`;
  const fitting = part.slice(0, Math.max(0, longest)).replace(/[-_]+$/, "");
  const other = shorten && shorten.length - (part.length - longest);
  const fixes = [
    fitting.length >= 3 ? `use at most ${longest} characters, such as "${fitting}"` : "",
    shorten && other !== undefined && other >= 3 ? `shorten ${shorten.key} to at most ${other} characters` : "",
  ].filter(Boolean);
  return {
    problem: `has ${part.length} characters, and ${tight.bound.of} at most ${tight.bound.longest}: the ${tight.what} "${made}" would have ${made.length}`,
    fix: fixes.join(", or ") || `shorten both by ${part.length - longest} characters`,
  };
}

/**
 * The last check before an InferenceService is rendered, whoever chose its name.
 * @throws OperatorError for one that KServe or Knative could never make.
 */
export function requireServiceName(name: string, service: ServiceNames): void {
  const issue = longNameIssue(name, serviceNames(service), {
    key: "the namespace",
    length: service.namespace.length,
  });
  if (issue) throw refused(refusal("name.service-too-long", null, { name, ...issue }));
}

/** What is wrong with a name as PostgreSQL's, as the rest of a sentence about it; undefined when nothing is. */
export function identifierIssue(name: unknown): Clause | undefined {
  if (typeof name !== "string") return { problem: "is not text", fix: "give a name" };
  if (name === "") return { problem: "is empty", fix: "give a name" };
  if (name.includes("\0")) return { problem: "holds a NUL character", fix: "remove it" };
  if (!name.isWellFormed()) return { problem: "is not valid Unicode", fix: "write it in plain letters" };
  const { longest, of } = nameBounds.identifier;
  const bytes = bytesOf(name);
  if (bytes <= longest) return undefined;
  return {
    problem: `has ${bytes} bytes, and ${of} at most ${longest}, where PostgreSQL would cut it off`,
    fix: `use a shorter one, such as ${JSON.stringify(beginning(name, longest))}`,
  };
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The longest beginning of so many bytes at most. */
function beginning(text: string, longest: number): string {
  let fitting = "";
  for (const character of text) {
    if (bytesOf(fitting + character) > longest) break;
    fitting += character;
  }
  return fitting;
}
