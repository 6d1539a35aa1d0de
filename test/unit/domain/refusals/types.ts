import { OperatorError } from "../../../../src/domain/errors.ts";
import type { Placeholders } from "../../../../src/domain/refusals/entry.ts";
import { errorsOfTable, type Refusal, refusal, refused } from "../../../../src/domain/refusals/refusal.ts";

/** What must not compile. The type check of `npm run check` is the test. */
export function neverCalled(): void {
  // @ts-expect-error an id that is not in the table
  refusal("pool.no-such-entry", null);
  // @ts-expect-error a value is missing
  refusal("rollout.same-content", null);
  // @ts-expect-error a value that the sentence has no place for
  refusal("pool.no-size", null, { pool: "t4" });
  // @ts-expect-error a sentence of its own
  const adHoc: Refusal = { id: "pool.no-size", key: null, message: "no", fix: null };
  // @ts-expect-error a text
  const text: Refusal = "no";
  const names: Placeholders<"{model}: write {copy: true} or {<name>: {truss: <folder>}} as {from}"> = "model";
  // @ts-expect-error an example in YAML is not a value
  const example: Placeholders<"{model} {copy: true}"> = "copy: true";
  refused([adHoc, text, refusal("pool.no-size", names)], example);
  // @ts-expect-error an error without an id
  new OperatorError("no");
  const refuse = errorsOfTable({ "a.b": { says: "{name} is taken", fix: "", cause: "Names are unique." } });
  refuse("a.b", { name: "iris" }, new Error("why"));
  // @ts-expect-error an id of another table
  refuse("pool.no-size", { name: "iris" });
  // @ts-expect-error a value is missing
  refuse("a.b", {});
}
