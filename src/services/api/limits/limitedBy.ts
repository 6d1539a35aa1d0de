import { type Limited, type Limits, limitedSubjects } from "../../../domain/limits/limits.ts";
import type { Caller } from "../access.ts";

/** Whose limits hold for a request: those of its key and of the organization whose model is asked; none with the stack's own key. */
export function limitedBy(
  caller: Caller | undefined,
  asked: { readonly organizationId: string; readonly limits: Limits },
): readonly Limited[] {
  if (caller && "admin" in caller.scope) return [];
  return limitedSubjects(caller?.key, { id: asked.organizationId, limits: asked.limits });
}
