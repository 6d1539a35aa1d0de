import { ApiRefused } from "../../adapters/api/developmentVersions.ts";

/** Whether a watch tries again: it outlives a defect of the service too. */
export function isTriedAgain(error: unknown): error is ApiRefused {
  return error instanceof ApiRefused && (error.isTransient || error.code === "internal");
}
