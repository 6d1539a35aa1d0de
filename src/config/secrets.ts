import * as z from "zod";
import { text } from "./fields.ts";
import { wrong } from "./schemaClause.ts";
import { keyPath } from "./sentences.ts";

/** Key of a Kubernetes Secret (https://kubernetes.io/docs/concepts/configuration/secret/), and a file's name under /secrets. */
export const secretName = /^(?!\.\.?$)[A-Za-z0-9._-]{1,253}$/;

/** The command that sets the value of one secret, or of any. */
export function setSecretCommand(name?: string): string {
  const path = name === undefined ? `${keyPath(["secrets"])}.<name>` : keyPath(["secrets", name]);
  return `pulumi config set --secret --path '${path}'`;
}

/** Sentences about secrets never show a value. */
const value = z
  .string({
    error: ({ path }) =>
      wrong("is not text", `set it with \`${setSecretCommand(path === undefined ? undefined : String(path.at(-1)))}\``),
  })
  .min(1, { error: wrong("is empty", "give the value, or remove the key") })
  .meta({ description: "Value of the secret, encrypted by `pulumi config set --secret`.", type: ["string", "object"] });

/** Secrets of the admin organization's models by name. Their values never leave the entry of the stack but as Outputs. */
export const secrets = z
  .record(
    z.string().regex(secretName, {
      error: ({ input }) =>
        wrong(
          `${JSON.stringify(input)} is not a secret's name`,
          "use letters, digits, - _ and ., such as hf_access_token",
        ),
    }),
    value,
    { error: wrong("is not a mapping of names to values", `set each with \`${setSecretCommand()}\``) },
  )
  .meta({
    description:
      "Secrets that the zoo's trusses name, by name. Set by `pulumi config set --secret --path`. Default: none.",
  })
  .default({});

/** Name of the Secret that holds those which the stack does not. */
export const adminSecrets = text(
  /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
  "give the Secret's name, such as admin-organization-secrets",
  "Existing Kubernetes Secret of the admin organization, in the models' namespace, for secrets that menagerie:secrets does not hold. Default: admin-organization-secrets.",
).default("admin-organization-secrets");
