import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { ApiError } from "../../../../../src/services/api/apiError.ts";
import { addVersionLoad } from "../../../../../src/services/api/traffic/versionLoad.ts";

function counted(most?: number) {
  const registry = new Registry();
  const load = addVersionLoad(registry, most);
  const lines = async () => (await registry.metrics()).split("\n").filter((line) => /^menagerie/.test(line));
  return { load, lines };
}

const inFlight = (service: string, count: number) =>
  `menagerie_api_version_requests_in_flight{inference_service="${service}"} ${count}`;
const total = (service: string, count: number) =>
  `menagerie_api_version_requests_total{inference_service="${service}"} ${count}`;

it("counts a request as in flight while it is sent, and then as one that is over", async () => {
  const { load, lines } = counted();
  const { promise, resolve } = Promise.withResolvers<string>();
  const sent = load.during("iris-v2", () => promise);
  await load.during("iris-v1", async () => {});
  expect(await lines()).toEqual([
    inFlight("iris-v2", 1),
    inFlight("iris-v1", 0),
    total("iris-v2", 0),
    total("iris-v1", 1),
  ]);
  resolve("answer");
  expect(await sent).toBe("answer");
  expect(await lines()).toEqual(expect.arrayContaining([inFlight("iris-v2", 0), total("iris-v2", 1)]));
});

it("counts what the version fails at, and not what is refused before it gets it", async () => {
  const { load, lines } = counted();
  for (const error of [
    new ApiError("model_failed", "broke"),
    new ApiError("model_unavailable", "does not start"),
    new ApiError("rate_limited", "used up"),
    new ApiError("body_too_large", "too large"),
  ]) {
    await expect(load.during("iris-v2", () => Promise.reject(error))).rejects.toBe(error);
  }
  expect(await lines()).toEqual([inFlight("iris-v2", 0), total("iris-v2", 2)]);
});

it("keeps so many versions and no more: those in use, and those that were used last", async () => {
  const { load, lines } = counted(2);
  const { promise, resolve } = Promise.withResolvers<void>();
  const living = load.during("a", () => promise);
  for (const service of ["b", "c", "b", "d"]) await load.during(service, async () => {});
  expect(await lines()).toEqual([inFlight("a", 1), inFlight("d", 0), total("a", 0), total("d", 1)]);
  resolve();
  await living;
  expect(await lines()).toEqual(expect.arrayContaining([inFlight("a", 0), total("a", 1)]));
});
