import { maskedText } from "../credentials/maskedText.ts";
import type { PatchOperation } from "./operation.ts";

/** One operation in a few words, such as `UPDATE model_code model.py`. Values of environment variables are not shown. */
export function describeOperation({ type, body }: PatchOperation): string {
  return `${body.action} ${type} ${subjectOf({ type, body } as PatchOperation)}`;
}

/** What an operation is about: a path, a requirement or a variable's name. Tokens in addresses are not shown. */
export function subjectOf({ type, body }: PatchOperation): string {
  if (type === "environment_variable") return Object.keys(body.item).join(" ");
  if (type === "external_data") return body.item.local_data_path;
  return "path" in body ? body.path : maskedText(body.requirement);
}
