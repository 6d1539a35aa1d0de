import { z } from "zod";
import type { PatchOperation } from "./operation.ts";
import { refuse } from "./refusals.ts";

/** Longest path below the model or packages folder, in UTF-8 bytes (PATH_MAX of Linux, less room for the folder). */
const longestPath = 3_000;
/** Longest name of a file, in UTF-8 bytes (NAME_MAX of Linux). */
const longestName = 255;

const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** What is wrong with a path, as the end of a sentence; undefined when it names a place below its folder. */
export function pathIssue(path: string): string | undefined {
  if (path === "") return "is empty";
  if (path.includes("\0")) return "holds a NUL character";
  if (!path.isWellFormed()) return "is not valid Unicode";
  if (path.startsWith("/")) return "is absolute";
  const names = path.split("/");
  if (names.some((name) => name === ".." || name === "." || name === "")) return 'has a part "..", "." or ""';
  if (bytes(path) > longestPath || names.some((name) => bytes(name) > longestName)) return "is too long";
  return undefined;
}

const path = z.string().superRefine((text, context) => {
  const issue = pathIssue(text);
  if (issue) context.addIssue({ code: "custom", message: `the path ${issue}; it must lie inside the truss` });
});
const action = z.enum(["ADD", "UPDATE", "REMOVE"]);
const base64 = z.base64({ error: "is not base64" });
const noNul = z.string().refine((text) => !text.includes("\0"), "holds a NUL character");

const file = z
  .strictObject({
    action,
    path,
    content: z.string().nullable(),
    content_bytes: base64.nullish(),
    hot_reload: z.boolean().optional(),
  })
  .refine((body) => body.action === "REMOVE" || (body.content === null) !== (body.content_bytes == null), {
    error: "give either content or content_bytes",
  })
  .transform(({ content_bytes, hot_reload, ...body }) => ({
    ...body,
    ...(content_bytes == null ? {} : { content_bytes }),
    ...(hot_reload ? { hot_reload: true as const } : {}),
  }));
/** The library sends it for packages too, where it means nothing. */
const packageFile = file.transform(({ hot_reload: _, ...body }) => body);

const item = z
  .record(noNul.regex(/^[^=]+$/, "is not a name of a variable"), noNul)
  .refine((value) => Object.keys(value).length === 1, "must hold one variable");

const operation = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("model_code"), body: file }),
  z.strictObject({ type: z.literal("package"), body: packageFile }),
  z.strictObject({
    type: z.literal("config"),
    body: z.strictObject({
      action: z.literal("UPDATE"),
      config: z.record(z.string(), z.unknown()),
      path: z.literal("config.yaml").default("config.yaml"),
    }),
  }),
  z.strictObject({
    type: z.literal("python_requirement"),
    // An option would be read as one by the installer.
    body: z.strictObject({ action, requirement: noNul.regex(/^\s*[^-\s]/, "is not a requirement") }),
  }),
  z.strictObject({ type: z.literal("environment_variable"), body: z.strictObject({ action, item }) }),
  z.strictObject({
    type: z.literal("external_data"),
    body: z.strictObject({
      action,
      item: z
        .looseObject({
          url: z.string().min(1),
          local_data_path: path,
          backend: z.string(),
          name: z.string().nullish(),
        })
        .transform(({ name, ...rest }) => (name == null ? rest : { ...rest, name })),
    }),
  }),
]);

/**
 * Operations as a client sent them. Refused before anything is stored: paths out of the truss (`..`, absolute, empty,
 * NUL), unknown types and keys, content that is not base64, and `system_package`, which the container refuses too.
 *
 * @throws OperatorError with the place in the list, and what is wrong there.
 */
export function parseOperations(input: unknown): PatchOperation[] {
  const result = z.array(operation).safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = issue?.path.join(".") ?? "";
  throw refuse("patch.not-an-operation", {
    place: place === "" ? "" : `.${place}`,
    problem: issue?.message ?? "is invalid",
  });
}
