import { type Dispatcher, request } from "undici";
import { countersFilter, durationsFilter, presenceFilter } from "../../domain/traffic/statistics.ts";
import { type GatewayStatistics, parseStatistics } from "./exposition.ts";

export interface Scrape {
  /** Such as `http://10.0.0.7:15090/stats/prometheus`. */
  readonly url: string;
  readonly withDurations: boolean;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** @default undici's own */
  readonly dispatcher?: Dispatcher | undefined;
}

/** Reads the counters of one gateway process, as far as anything was counted. Throws where it does not answer, or keeps no counters. */
export async function scrapeGateway(scrape: Scrape): Promise<GatewayStatistics> {
  const statistics = parseStatistics(
    await page(scrape, scrape.withDurations ? durationsFilter : countersFilter, "&usedonly"),
  );
  const keepsCounters = statistics.keepsCounters ?? (await page(scrape, presenceFilter, "")).includes("upstream_rq");
  if (!keepsCounters) {
    throw new Error(
      "the gateway keeps no counters of its destinations; add proxyStatsMatcher to its pods as docs/traffic.md says",
    );
  }
  return statistics;
}

async function page({ url, timeoutMs, dispatcher }: Scrape, filter: string, more: string): Promise<string> {
  const { statusCode, body } = await request(`${url}?filter=${encodeURIComponent(filter)}${more}`, {
    signal: AbortSignal.timeout(timeoutMs),
    ...(dispatcher ? { dispatcher } : {}),
  });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${url} answers ${statusCode}`);
  return text;
}
