import * as z from "zod";
import { environmentSchema } from "./environment.ts";
import { prefix } from "./sentences.ts";

/**
 * JSON Schema of a whole stack file, for editors: every key of this project, with its documentation. Keys of other
 * projects and providers are left alone; a misspelt key of ours is marked.
 */
export function stackFileSchema(): object {
  const { properties = {} } = z.toJSONSchema(environmentSchema, { io: "input", target: "draft-7" });
  const names = Object.keys(properties);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Menagerie stack",
    description: "Written by src/config/writeSchema.ts from src/config/environment.ts; do not edit.",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(names.map((name) => [prefix + name, properties[name]])),
        patternProperties: { [`^${prefix}(?!(${names.join("|")})$)`]: false },
      },
    },
  };
}
