import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stackFileSchema } from "./jsonSchema.ts";

/**
 * `node src/config/writeSchema.ts && npm run format`: writes the schema that the stack files name in their first line,
 * for editors. A test says when it is out of date.
 */
const file = join(import.meta.dirname, "config.schema.json");
writeFileSync(file, `${JSON.stringify(stackFileSchema(), null, 2)}\n`);
