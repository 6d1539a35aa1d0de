import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, type DocumentNode, type ExecutionResult, execute, GraphQLError, parse, validate } from "graphql";
import type { Logger } from "pino";
import * as z from "zod";
import { OperatorError } from "../../../domain/errors.ts";
import { type Access, identify } from "../access.ts";
import { ApiError } from "../apiError.ts";
import { originOf } from "../origin.ts";
import { readJson, sendJson } from "../requestBody.ts";
import type { Route } from "../route.ts";
import type { GraphqlContext, GraphqlParts } from "./context.ts";
import { documentIssue, mostTokens } from "./documentLimits.ts";
import { rootValue } from "./rootValue.ts";

const schema = buildSchema(readFileSync(join(import.meta.dirname, "schema.graphql"), "utf8"));

const requestBody = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

/**
 * `/graphql/`, for the truss client; see `schema.graphql`. The reference implementation alone, over one POST with JSON:
 * servers around it bring a browser's types into the whole program.
 */
export function graphqlRoute(
  parts: GraphqlParts & { readonly access: Access; readonly maxBodyBytes: number; readonly log: Logger },
): Route {
  const root = rootValue(parts);
  return {
    prefix: "/graphql",
    async handle(request, response, { path }) {
      if (path !== "/graphql/" && path !== "/graphql")
        throw new ApiError("not_found", `there is no ${path.slice(0, 200)}`);
      if (request.method !== "POST")
        throw new ApiError("method_not_allowed", `${request.method} is not possible here; use POST`);
      const caller = await identify(request.headers, { ...parts.access, required: true });
      if (!caller) throw new ApiError("missing_api_key", "this needs an API key");
      const { query, variables, operationName } = await readJson(request, parts.maxBodyBytes, requestBody);
      const { scope, name } = caller;
      const contextValue: GraphqlContext = { scope, name, origin: originOf(request) };
      const document = parsed(query);
      const issues = "errors" in document ? document.errors : validate(schema, document.document);
      if (issues.length > 0) return sendJson(response, { errors: issues });
      if ("errors" in document) return;
      const result = (await execute({
        schema,
        rootValue: root,
        contextValue,
        document: document.document,
        variableValues: variables ?? {},
        operationName: operationName ?? null,
      })) as ExecutionResult;
      sendJson(response, {
        ...(result.data === undefined ? {} : { data: withUploadAddress(result.data, contextValue) }),
        ...(result.errors ? { errors: result.errors.map((error) => told(error, parts.log)) } : {}),
      });
    },
  };
}

function parsed(query: string): { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] } {
  try {
    // A patch stands in its document as text, so places in it are not kept.
    const document = parse(query, { maxTokens: mostTokens, noLocation: true });
    const issue = documentIssue(document);
    return issue === undefined ? { document } : { errors: [new GraphQLError(issue)] };
  } catch (error) {
    if (error instanceof GraphQLError) return { errors: [new GraphQLError(error.message)] };
    throw error;
  }
}

/**
 * The truss client hands the whole answer about uploads to its S3 library, and never asks for the address that the
 * library needs, so that is given unasked.
 */
function withUploadAddress(data: ExecutionResult["data"], { origin }: GraphqlContext): object | null {
  const credentials = data?.model_s3_upload_credentials;
  if (!credentials) return data ?? null;
  return { ...data, model_s3_upload_credentials: { ...credentials, endpoint_url: origin } };
}

/** A refusal with its code; anything else is a defect of ours, which is logged and not told. */
function told(error: GraphQLError, log: Logger): GraphQLError {
  const { originalError: cause, path } = error;
  if (!cause || cause instanceof GraphQLError) return error;
  const refusal = (message: string, code: string) => new GraphQLError(message, { path, extensions: { code } });
  if (cause instanceof ApiError && cause.status < 500) return refusal(cause.message, cause.code);
  if (cause instanceof OperatorError && cause.exitCode === 2) return refusal(cause.message, "bad_request");
  log.error({ err: cause }, "a GraphQL request failed");
  return refusal("internal error", "internal");
}
