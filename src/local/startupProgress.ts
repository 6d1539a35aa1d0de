import type { SupervisorStatus } from "./supervisor/supervisor.ts";

/** How far an environment is that starts: parts are counted, and steps are named apart from them. */
export function startupProgress(
  { parts, pendingSteps }: Pick<SupervisorStatus, "parts" | "pendingSteps">,
  hasTools: boolean,
): string {
  const starting = parts.filter((part) => part.state !== "ready").map((part) => part.name);
  const counted = `${parts.length - starting.length} of ${parts.length} parts ready`;
  if (!hasTools) return `${counted}; the others wait for tools that are being made`;
  const waiting = starting.length > 0 ? [`waiting for ${starting.join(", ")}`] : [];
  const steps = pendingSteps.length > 0 ? [`steps left: ${pendingSteps.map((step) => step.name).join(", ")}`] : [];
  return [counted, ...waiting, ...steps].join("; ");
}
