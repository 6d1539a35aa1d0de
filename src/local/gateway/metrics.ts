/** Upper bounds in seconds; predictions take from half a millisecond to a minute. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

interface RouteCounts {
  readonly codes: Map<number, number>;
  readonly buckets: number[];
  seconds: number;
  count: number;
}

/** `sent`: dispatched to its Service; `failed`: sent, but not answered; `dropped`: never sent, because of a limit. */
export type MirrorResult = "sent" | "failed" | "dropped";

/** What the gateway counts. */
export interface GatewayMetrics {
  /** A request ended. `code` is the HTTP status; 499 stands for a client that went away before it. */
  request(route: string, code: number, seconds: number): void;
  mirror(destination: string, result: MirrorResult): void;
  /** In Prometheus' text format (version 0.0.4). */
  render(inFlight: number): string;
}

export function createGatewayMetrics(): GatewayMetrics {
  const routes = new Map<string, RouteCounts>();
  const mirrors = new Map<string, Map<MirrorResult, number>>();
  return {
    request(route, code, seconds) {
      let counts = routes.get(route);
      if (!counts) {
        counts = { codes: new Map(), buckets: bounds.map(() => 0), seconds: 0, count: 0 };
        routes.set(route, counts);
      }
      counts.codes.set(code, (counts.codes.get(code) ?? 0) + 1);
      counts.count += 1;
      counts.seconds += seconds;
      const bucket = bounds.findIndex((bound) => seconds <= bound);
      if (bucket !== -1) counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1;
    },
    mirror(destination, result) {
      let results = mirrors.get(destination);
      if (!results) {
        results = new Map();
        mirrors.set(destination, results);
      }
      results.set(result, (results.get(result) ?? 0) + 1);
    },
    render(inFlight) {
      const lines = [
        "# HELP menagerie_gateway_requests_in_flight Requests that are being answered.",
        "# TYPE menagerie_gateway_requests_in_flight gauge",
        `menagerie_gateway_requests_in_flight ${inFlight}`,
        "# HELP menagerie_gateway_requests_total Requests by route and HTTP status; 499 is a client that went away.",
        "# TYPE menagerie_gateway_requests_total counter",
      ];
      for (const [route, { codes }] of routes) {
        for (const [code, count] of codes) {
          lines.push(`menagerie_gateway_requests_total{route=${quote(route)},code="${code}"} ${count}`);
        }
      }
      lines.push(
        "# HELP menagerie_gateway_request_duration_seconds From the request's head to the response's last byte.",
        "# TYPE menagerie_gateway_request_duration_seconds histogram",
      );
      for (const [route, counts] of routes) {
        const name = "menagerie_gateway_request_duration_seconds";
        let sum = 0;
        for (const [index, bound] of bounds.entries()) {
          sum += counts.buckets[index] ?? 0;
          lines.push(`${name}_bucket{route=${quote(route)},le="${bound}"} ${sum}`);
        }
        lines.push(
          `${name}_bucket{route=${quote(route)},le="+Inf"} ${counts.count}`,
          `${name}_sum{route=${quote(route)}} ${counts.seconds}`,
          `${name}_count{route=${quote(route)}} ${counts.count}`,
        );
      }
      lines.push(
        "# HELP menagerie_gateway_mirrors_total Copies of requests by destination and result.",
        "# TYPE menagerie_gateway_mirrors_total counter",
      );
      for (const [destination, results] of mirrors) {
        for (const [result, count] of results) {
          lines.push(`menagerie_gateway_mirrors_total{destination=${quote(destination)},result="${result}"} ${count}`);
        }
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

function quote(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
