import { flag, mapping, text } from "./fields.ts";

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
    ratelimitEnabled: flag("The application's rate limit. Default: true.").default(true),
    modelZooDeploymentAutomationEnabled: flag(
      "Whether the application's automation deploys zoo models. Default: true.",
    ).default(true),
  },
  "write {ratelimitEnabled: true, modelZooDeploymentAutomationEnabled: true}",
  "The application's dynamic settings; the whitelist of zoo models is derived from their phases.",
);
