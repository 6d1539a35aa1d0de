import * as z from "zod";
import { describe, flag, mapping, text } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

/** The application's dynamic settings: the ConfigMap that the zoo's automation reads. */
export const dynamicSettings = mapping(
  {
    namespace: text(
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
      "use lower-case letters, digits and dashes, such as baseten",
      "Namespace of the application that reads the settings. Default: baseten.",
    ).default("baseten"),
    name: text(
      /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
      "give the ConfigMap's name, such as baseten-django-dynamic-settings",
      "Name of the ConfigMap. Default: baseten-django-dynamic-settings.",
    ).default("baseten-django-dynamic-settings"),
    createNamespace: flag(
      "Whether the stack makes the namespace; else it must exist, and is never deleted with the stack. Default: false.",
    ).default(false),
    takeover: flag(
      "Whether the stack's values win over those that were edited by hand. With false, one that differs fails the preview and names who wrote it. Default: true.",
    ).default(true),
  },
  "write {namespace: baseten, name: baseten-django-dynamic-settings}",
  "The ConfigMap of the application's dynamic settings; the whitelist of zoo models in it is derived from their phases.",
);

/** A switch at the top of a stack file, where the engine passes every value as text. */
const topFlag = (description: string) =>
  z
    .union([z.boolean(), z.enum(["true", "false"])], {
      error: ({ input }) => wrong(input === null ? "has no value" : describe(input), "use true or false"),
    })
    .transform((value) => String(value) === "true")
    .meta({ description });

export const ratelimitEnabled = topFlag(
  "Whether the limits of keys and organizations hold (`menagerie key limits`); usage is counted anyway. Written to the dynamic settings too. Default: true.",
).default(true);

export const modelZooDeploymentAutomationEnabled = topFlag(
  "Whether zoo models are deployed. With false everything stays as the last `up` left it: nothing new is deployed, nothing is removed. Written to the dynamic settings too. Default: true.",
).default(true);
