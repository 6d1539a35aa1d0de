import type { Endpoint, ServicePort } from "./serviceEndpoints.ts";

/** Chooses endpoints for the connections of one Service port. */
export interface Balancer {
  /**
   * All endpoints of `target`, in the order to try them for `client` (an address): first the one the client is bound
   * to, if affinity is on, then by fewest open connections, ties in turn.
   */
  order(target: ServicePort, client: string): Endpoint[];
  /** A connection to the endpoint was established. */
  opened(endpoint: Endpoint): void;
  closed(endpoint: Endpoint): void;
}

/** `now` answers milliseconds of a clock that never goes back. */
export function createBalancer(now: () => number = () => performance.now()): Balancer {
  const open = new Map<string, number>();
  const bound = new Map<string, { key: string; until: number }>();
  let turn = 0;

  return {
    order(target, client) {
      const { endpoints, affinitySeconds } = target;
      if (endpoints.length <= 1) return [...endpoints];
      turn = (turn + 1) % endpoints.length;
      const ordered = [...endpoints.slice(turn), ...endpoints.slice(0, turn)].sort(
        (a, b) => (open.get(keyOf(a)) ?? 0) - (open.get(keyOf(b)) ?? 0),
      );
      if (affinitySeconds === undefined) return ordered;
      const time = now();
      const binding = bound.get(client);
      const at = binding && binding.until > time ? ordered.findIndex((e) => keyOf(e) === binding.key) : -1;
      if (at > 0) ordered.unshift(...ordered.splice(at, 1));
      const first = ordered[0];
      if (first) bound.set(client, { key: keyOf(first), until: time + affinitySeconds * 1_000 });
      return ordered;
    },
    opened(endpoint) {
      open.set(keyOf(endpoint), (open.get(keyOf(endpoint)) ?? 0) + 1);
    },
    closed(endpoint) {
      const left = (open.get(keyOf(endpoint)) ?? 1) - 1;
      if (left > 0) open.set(keyOf(endpoint), left);
      else open.delete(keyOf(endpoint));
    },
  };
}

function keyOf({ address, port }: Endpoint): string {
  return `${address}:${port}`;
}
