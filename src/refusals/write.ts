import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { refusalsPage } from "./reference.ts";
import { tables } from "./tables.ts";

/** `node src/refusals/write.ts` writes the page of everything that is refused. A test says when it is out of date. */
writeFileSync(join(import.meta.dirname, "../../docs/refusals.md"), refusalsPage(tables));
