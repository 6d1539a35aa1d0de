import { expect, it } from "vitest";
import { OperatorError } from "../../../../src/domain/errors.ts";
import { everyRefusal } from "../../../../src/domain/refusals/everyRefusal.ts";
import { refusal, refused } from "../../../../src/domain/refusals/refusal.ts";
import { issueSaying } from "../../../support/issues.ts";

const fails = (error: unknown): Promise<string> => Promise.reject(error);

it("answers what all checks found", async () => {
  expect(await everyRefusal([Promise.resolve(1), Promise.resolve("two")])).toEqual([1, "two"]);
});

it("tells what every check refuses, each sentence once", async () => {
  const first = refused([refusal("pool.no-size", "menagerie:pools.a"), refusal("pool.capacity", "menagerie:pools.b")]);
  const context = () => fails(issueSaying("there is no kubeconfig"));
  const all = everyRefusal([fails(first), context(), Promise.resolve(1), context()]);
  await expect(all).rejects.toThrow(`${first.message}\nthere is no kubeconfig`);
  await expect(all).rejects.toBeInstanceOf(OperatorError);
});

it("is the error itself where there is one, and a defect before all else", async () => {
  const only = issueSaying("there is no kubeconfig");
  await expect(everyRefusal([fails(only), Promise.resolve(1)])).rejects.toBe(only);
  const defect = new TypeError("x is not a function");
  await expect(everyRefusal([fails(only), fails(defect)])).rejects.toBe(defect);
});
