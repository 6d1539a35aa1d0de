import { contentVersion } from "../shadow/evidence.ts";
import { copySuffix } from "../zoo/plan.ts";

/**
 * What recorded answers of a served version carry. A copy's are apart: trials are among them, which are not evidence of what users send.
 *
 * @param model - in the database: that of a copy has an end of its own
 */
export function recordedAs(model: string, trussHash: string, env: Readonly<Record<string, string>>): string {
  const content = contentVersion(trussHash, env);
  return model.endsWith(copySuffix) ? content + copySuffix : content;
}
