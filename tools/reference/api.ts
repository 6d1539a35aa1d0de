import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, type GraphQLField, type GraphQLObjectType } from "graphql";
import { statusOf } from "../../src/services/api/apiError.ts";
import { project } from "./declarations.ts";
import { httpRoutes } from "./httpRoutes.ts";
import { code, generated, page, prose, table } from "./markdown.ts";

const schemaFile = "src/services/api/graphql/schema.graphql";

/** docs/reference/api.md: what the API service answers: HTTP routes, errors, and the GraphQL schema. */
export function apiPage(): string {
  const text = readFileSync(join(project, schemaFile), "utf8");
  const schema = buildSchema(text);
  return page(
    "# API",
    "The API service answers at the address that `npx menagerie status` and the output `apiUrl` name. A key is sent as `x-api-key: KEY`, `Authorization: Api-Key KEY` or `Authorization: Bearer KEY`; `npx menagerie key create` makes one. What a key does not open is as if it did not exist. Every answer has an `x-request-id`.",
    generated(`\`tools/reference/httpRoutes.ts\`, \`src/services/api/apiError.ts\` and \`${schemaFile}\``),
    "## HTTP",
    table(
      ["Call", "Key", "What it does"],
      httpRoutes.map(({ call, key, does }) => [code(call), key, prose(does)]),
    ),
    "At the gateway, `<gateway>/serving/<namespace>/<model>/v1/models/model:predict` is the current version of a model. [The gateway](../gateway.md#what-of-a-model-is-reached) has its other paths.",
    "## Errors",
    'An error is `{"error": {"code", "type", "message", "requestId"}}`. Codes stay the same; messages may get better. `stale` carries `headHash` and `headSignature`, `needs_full_deploy` carries `reasons`, and `rate_limited` comes with `Retry-After`.',
    table(
      ["Code", "Status"],
      Object.entries(statusOf).map(([name, status]) => [code(name), String(status)]),
    ),
    "## GraphQL",
    '`POST /graphql` with `{"query", "variables"}`. A document has at most 1,000 tokens, 200 fields and 8 levels, and no fragments. [The truss client](../development-api.md) is its user.',
    ...operations("Queries", schema.getQueryType()),
    ...operations("Mutations", schema.getMutationType()),
    "### Schema",
    `\`\`\`graphql\n${text.trim()}\n\`\`\``,
  );
}

function operations(title: string, type: GraphQLObjectType | null | undefined): string[] {
  const fields: GraphQLField<unknown, unknown>[] = Object.values(type?.getFields() ?? {});
  return [
    `### ${title}`,
    table(
      ["Field", "Arguments", "Answer", "Meaning"],
      fields.map(({ name, args, type: answer, description }) => [
        code(name),
        args.map((each) => code(`${each.name}: ${each.type}`)).join(", "),
        code(String(answer)),
        prose(description ?? ""),
      ]),
    ),
  ];
}
