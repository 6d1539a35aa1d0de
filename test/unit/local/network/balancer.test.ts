import { describe, expect, it } from "vitest";
import { createBalancer } from "../../../../src/local/network/balancer.ts";
import type { ServicePort } from "../../../../src/local/network/serviceEndpoints.ts";

const [a, b, c] = [1, 2, 3].map((last) => ({ address: `10.88.1.${last}`, port: 8080 })) as [Ep, Ep, Ep];
type Ep = ServicePort["endpoints"][number];

function target(affinitySeconds?: number): ServicePort {
  const base = { clusterIP: "10.96.0.9", port: 80, service: "zoo/x", endpoints: [a, b, c] };
  return affinitySeconds === undefined ? base : { ...base, affinitySeconds };
}

describe("balancer", () => {
  it("takes endpoints in turn, and always offers the others behind", () => {
    const balancer = createBalancer();
    const orders = [1, 2, 3].map(() => balancer.order(target(), "x"));
    expect(new Set(orders.map(([first]) => first))).toEqual(new Set([a, b, c]));
    for (const order of orders) expect(order).toHaveLength(3);
  });

  it("prefers the endpoint with the fewest open connections", () => {
    const balancer = createBalancer();
    for (const endpoint of [a, a, b, c, c]) balancer.opened(endpoint);
    expect(balancer.order(target(), "x")[0]).toBe(b);
    balancer.closed(a);
    balancer.closed(a);
    expect(balancer.order(target(), "x")[0]).toBe(a);
  });

  it("keeps a client at its endpoint while affinity lasts", () => {
    let now = 0;
    const balancer = createBalancer(() => now);
    const [first] = balancer.order(target(10), "10.88.9.9");
    if (first) balancer.opened(first);
    now = 9_000;
    expect(balancer.order(target(10), "10.88.9.9")[0]).toBe(first);
    now = 20_000;
    expect(balancer.order(target(10), "10.88.9.9")[0]).not.toBe(first);
  });
});
