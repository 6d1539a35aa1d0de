import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stackFileSchemaText } from "./jsonSchema.ts";

/** `node src/config/writeSchema.ts`: writes the schema that the stack files name in their first line. */
writeFileSync(join(import.meta.dirname, "config.schema.json"), stackFileSchemaText());
