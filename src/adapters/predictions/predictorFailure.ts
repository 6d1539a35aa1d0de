import { errors } from "undici";
import type { ForwardingFailure } from "../../domain/recording/prediction.ts";

/** What an HTTP client's error says about the predictor. */
export function failureOf(error: unknown): Exclude<ForwardingFailure, "client_gone"> {
  const {
    syscall,
    code,
    name,
    errors: each,
  } = error as NodeJS.ErrnoException & { readonly errors?: readonly unknown[] };
  // Of a name with several addresses, each has an error of its own.
  if (each?.[0] !== undefined) return failureOf(each[0]);
  if (syscall === "connect" || syscall === "getaddrinfo" || code === "UND_ERR_CONNECT_TIMEOUT") {
    return "predictor_unavailable";
  }
  const isLate = error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError;
  return isLate || name === "TimeoutError" ? "predictor_timeout" : "predictor_broken";
}
