/** Codes that clients may build on, with the HTTP status of each. */
export const statusOf = {
  bad_request: 400,
  invalid_api_key: 401,
  missing_api_key: 401,
  key_scope: 403,
  not_found: 404,
  method_not_allowed: 405,
  never_deployed: 409,
  no_version: 409,
  stale: 409,
  declared_by_stack: 409,
  in_use: 409,
  body_too_large: 413,
  needs_full_deploy: 422,
  rate_limited: 429,
  internal: 500,
  model_failed: 502,
  database_unavailable: 503,
  model_unavailable: 503,
  stopping: 503,
  model_timeout: 504,
} as const;

const typeOf: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  504: "timeout_error",
};

export type ErrorCode = keyof typeof statusOf;

/** An answer that is not a success: `{"error": {"code", "type", "message", "requestId"}}`, and what `details` adds to it. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, cause?: unknown, details: Readonly<Record<string, unknown>> = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return statusOf[this.code];
  }

  /** Its kind, by which clients of OpenAI's and Anthropic's APIs tell errors apart (https://docs.anthropic.com/en/api/errors). */
  get type(): string {
    return typeOf[this.status] ?? (this.status < 500 ? "invalid_request_error" : "api_error");
  }
}
