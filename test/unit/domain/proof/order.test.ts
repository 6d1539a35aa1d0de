import { expect, test } from "vitest";
import { shuffled } from "../../../../src/domain/proof/order.ts";

const names = Array.from({ length: 40 }, (_, index) => `request-${index}`);
const inOrder = (seed: string): string[] => shuffled(names, seed, (name) => name);

test("requests come in an order that the seed and the round fix, and no two of them in the same one", () => {
  const orders = ["1 1", "1 2", "2 1", "2 2"].map(inOrder);
  expect(new Set([names, ...orders].map((order) => order.join())).size).toBe(5);
  for (const order of orders) expect(order.toSorted()).toEqual(names.toSorted());
  expect(inOrder("1 2")).toEqual(orders[1]);
});

test("the first requests of an order are any of them", () => {
  const first = Array.from({ length: 200 }, (_, seed) => inOrder(String(seed))[0]);
  expect(new Set(first).size).toBeGreaterThan(30);
});
