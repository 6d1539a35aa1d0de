import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import type { EnvironmentSpec } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Keys that an earlier release followed: warnings, with the key. */
export function keysWithoutEffect({ services }: Pick<EnvironmentSpec, "services">): Refusal[] {
  return services.rateLimit ? [refusal("services.rate-limit-without-effect", keyPath(["services", "rateLimit"]))] : [];
}
