import { createHash } from "node:crypto";
import { load } from "js-yaml";
import { z } from "zod";
import { messageOf } from "../../domain/errors.ts";

/** Name of the file beside a tool's go.mod that lists what its build leaves out. */
export const trimsFile = "trims.yaml";

const lineRange = z
  .string()
  .regex(/^[1-9]\d*(-[1-9]\d*)?$/, 'must be a line such as "12" or a range such as "12-30"')
  .transform((text) => {
    const [first = 0, last = first] = text.split("-").map(Number);
    return { first, last };
  })
  .refine(({ first, last }) => first <= last, "must not end before it begins");

const cut = z.strictObject({
  /** Lines of the original file, counted from 1, both included. */
  lines: lineRange,
  /** What the first of them says, without indentation. The hash alone would do; this is for whoever reads the list. */
  first: z.string(),
  /** What the last of them says; needed when there is more than one. */
  last: z.string().optional(),
  /** Lines in their place. @default nothing */
  put: z.string().optional(),
});

const trimmedFile = z
  .strictObject({
    /** In the module. */
    path: z.string().regex(/^(?!\/)(?!.*\.\.)\S+$/, "must be a path inside the module"),
    /** SHA-256 of the file in the module's pinned version. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits"),
    /** Why nothing here reaches what is left out. */
    reason: z.string().min(10),
    cuts: z.array(cut).min(1).optional(),
    /** A file of ours, relative to the tool's folder, in place of the whole original. */
    ours: z.string().optional(),
    /** The file is left out. */
    remove: z.literal(true).optional(),
  })
  .refine((file) => [file.cuts, file.ours, file.remove].filter((way) => way !== undefined).length === 1, {
    error: "needs exactly one of cuts, ours and remove",
  });

/**
 * Files that no other needs, but for those of the module's own list. They have no hashes: the module's version and go.sum vouch for all of
 * them.
 */
const leftOut = z.strictObject({
  /** How their names end, such as `.pb.validate.go`. */
  ending: z.string().regex(/^[._][^/\s]+\.go$/, 'must be the end of a name, such as ".pb.validate.go"'),
  reason: z.string().min(10),
});

const trimmedModule = z
  .strictObject({
    /** Path of the Go module. */
    module: z.string(),
    /** The version that the cuts were made for, as go.mod pins it. */
    version: z.string().startsWith("v"),
    files: z.array(trimmedFile).default([]),
    without: leftOut.optional(),
  })
  .refine(({ files, without }) => files.length > 0 || without, "needs files or without");

const trims = z.strictObject({ modules: z.array(trimmedModule).min(1) });

/** One file of a module, and what a build leaves out of it. */
export type TrimmedFile = z.infer<typeof trimmedFile>;

/** A module that a build takes from a trimmed copy. */
export type TrimmedModule = z.infer<typeof trimmedModule>;

/**
 * Parses a tool's trims. Throws an `Error` that names the file and every mistake: whoever reads it is changing the
 * checkout, so it is not an operator's mistake.
 */
export function parseTrims(text: string, file: string): readonly TrimmedModule[] {
  const parsed = trims.safeParse(contentOf(text, file));
  if (parsed.success) return parsed.data.modules;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`);
  throw new Error(`${file}: ${issues.join("; ")}`);
}

function contentOf(text: string, file: string): unknown {
  try {
    return load(text);
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`);
  }
}

/** Throws unless `original` is the file that the cuts were made for. `place` begins the message, such as `x.go of m v1`. */
export function verifyOriginal(original: Buffer, { path, sha256 }: TrimmedFile, place: string): void {
  const found = createHash("sha256").update(original).digest("hex");
  if (found !== sha256) {
    throw new Error(
      `${path} of ${place} has SHA-256 ${found}, not ${sha256}: review its cuts in ${trimsFile} against this version, then write the new hash`,
    );
  }
}

/** `original` without its cuts. Throws when a cut's first or last line is not what the list says, or cuts overlap. */
export function applyCuts(original: string, file: TrimmedFile, place: string): string {
  const lines = original.split("\n");
  const kept: string[] = [];
  let next = 1;
  for (const { lines: range, first, last, put } of [...(file.cuts ?? [])].sort(
    (a, b) => a.lines.first - b.lines.first,
  )) {
    if (range.first < next) throw new Error(`${file.path} of ${place}: cuts overlap at line ${range.first}`);
    expectLine(lines, range.first, first);
    if (range.last > range.first || last !== undefined) expectLine(lines, range.last, last);
    kept.push(...lines.slice(next - 1, range.first - 1));
    if (put !== undefined) kept.push(...put.replace(/\n$/, "").split("\n"));
    next = range.last + 1;
  }
  return [...kept, ...lines.slice(next - 1)].join("\n");

  function expectLine(all: readonly string[], number: number, wanted: string | undefined): void {
    const found = all[number - 1]?.trim();
    if (found === wanted) return;
    const says = found === undefined ? "does not exist" : `says ${JSON.stringify(found)}`;
    throw new Error(`${file.path} of ${place}: line ${number} ${says}, not ${JSON.stringify(wanted ?? null)}`);
  }
}
