import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as after } from "node:timers/promises";
import type { Backends, SeenRequest } from "../../local/support/backends.ts";
import type { GatewayCase, SeenOfCase } from "./declaredCases.ts";

const body = '{"inputs": [1]}';

/** Sends cases through a gateway, and tells what was seen otherwise than a case says. */
export class Judge {
  readonly #gateway: URL;
  readonly #backends: Backends;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(gateway: URL, backends: Backends) {
    this.#gateway = gateway;
    this.#backends = backends;
  }

  /** A sentence for each that differs. */
  async differences(cases: readonly GatewayCase[]): Promise<readonly string[]> {
    const found = await Promise.all(cases.map((one) => this.#differenceOf(one)));
    return found.flat();
  }

  async #differenceOf(one: GatewayCase): Promise<string[]> {
    const ids = Array.from({ length: one.times ?? 1 }, () => randomUUID());
    const statuses = await Promise.all(ids.map((id) => this.#send(one, id)));
    const wrong = statuses.filter((status) => status !== one.status);
    const told =
      wrong.length > 0
        ? [`${one.title}: ${wrong.length} of ${ids.length} answers are ${wrong[0]}, not ${one.status}`]
        : [];
    const seen = await this.#seen(one, new Set(ids));
    for (const expected of one.seen) {
      const own = seen.filter(({ server, url }) => server === expected.server && url === expected.url);
      const difference = differenceAt(expected, own, ids.length);
      if (difference) told.push(`${one.title}: ${expected.server} ${difference}`);
    }
    const isExpected = ({ server, url }: SeenRequest) =>
      one.seen.some((each) => each.server === server && each.url === url);
    const stray = seen.find((request) => !isExpected(request));
    return stray ? [...told, `${one.title}: ${stray.server} got ${stray.url}, which was not for it`] : told;
  }

  async #send({ host, path, headers }: GatewayCase, id: string): Promise<number> {
    const { hostname, port } = this.#gateway;
    const outgoing = request({
      hostname,
      port,
      path,
      method: "POST",
      agent: this.#agent,
      headers: { host, "content-type": "application/json", "x-request-id": id, ...headers },
    });
    outgoing.end(body);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    await text(answer);
    return answer.statusCode ?? 0;
  }

  /** Requests of these ids, once as many are there as a case expects and no more come. */
  async #seen({ seen }: GatewayCase, ids: ReadonlySet<string>): Promise<readonly SeenRequest[]> {
    const certain = ids.size * seen.reduce((sum, { share = 1 }) => sum + Math.floor(share), 0);
    const isDrawn = seen.some(({ share = 1 }) => share < 1);
    let [count, since] = [-1, Date.now()];
    for (;;) {
      const all = this.#backends.seen.filter(({ headers }) => ids.has(headers["x-request-id"] ?? ""));
      if (all.length !== count) [count, since] = [all.length, Date.now()];
      // Copies come after the answer, and one too many is a mistake as well.
      const patience = all.length < certain ? 3_000 : isDrawn ? 1_000 : 100;
      if (Date.now() - since > patience) return all;
      await after(20);
    }
  }
}

function differenceAt(expected: SeenOfCase, seen: readonly SeenRequest[], sent: number): string | undefined {
  const { share = 1, url, host, without, having = {} } = expected;
  const wanted = sent * share;
  // Five standard deviations of a binomial distribution.
  const slack = share < 1 ? 5 * Math.sqrt(sent * share * (1 - share)) : 0;
  if (Math.abs(seen.length - wanted) > slack) {
    return `got ${url} ${seen.length} times, not ${wanted}${slack > 0 ? ` ± ${Math.round(slack)}` : ""}`;
  }
  for (const request of seen) {
    if (request.headers.host !== host) return `got it for host ${request.headers.host}, not ${host}`;
    const other = Object.keys(having).find((header) => request.headers[header] !== having[header]);
    if (other !== undefined) return `got ${other} ${request.headers[other]}, not ${having[other]}`;
    const kept = without.filter((header) => header in request.headers);
    if (kept.length > 0) return `got ${kept.join(", ")}`;
    if (!url.startsWith("/authorize/") && request.bytes !== body.length) return `got a body of ${request.bytes} bytes`;
  }
  return undefined;
}
