import { type Dispatcher, request } from "undici";
import * as z from "zod";
import { messageOf } from "../../domain/errors.ts";
import type { FixedLimit, LimitAnswer, LimitRange } from "../../domain/judgement/limits.ts";
import type { Prometheus } from "./gatewayReadings.ts";

const answer = z.object({
  status: z.literal("success"),
  data: z.object({
    resultType: z.literal("matrix"),
    result: z.array(z.object({ values: z.array(z.tuple([z.number(), z.string()])) })),
  }),
});
const failure = z.object({ status: z.literal("error"), error: z.string() });
const timeoutMs = 4_000;

/**
 * Asks a range of a limit's values (https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries). Whatever goes wrong is an
 * answer: a limit whose value is not known decides nothing.
 */
export async function readLimit(
  { url, bearerToken }: Prometheus,
  { query }: FixedLimit,
  { start, end, step }: LimitRange,
  dispatcher?: Dispatcher,
): Promise<LimitAnswer> {
  try {
    const { statusCode, body } = await request(`${url}/api/v1/query_range`, {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        ...(bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` }),
      },
      body: new URLSearchParams({ query, start: `${start}`, end: `${end}`, step: `${step}` }).toString(),
      signal: AbortSignal.timeout(timeoutMs),
      ...(dispatcher ? { dispatcher } : {}),
    });
    const text = await body.text();
    const refused = failure.safeParse(jsonIn(text));
    if (refused.success) return { failed: `Prometheus refuses it: ${refused.data.error}` };
    if (statusCode !== 200) return { failed: `Prometheus answers ${statusCode}` };
    const parsed = answer.safeParse(jsonIn(text));
    if (!parsed.success) return { failed: "Prometheus' answer cannot be read" };
    return { series: parsed.data.data.result.map(({ values }) => values.map(([at, value]) => [at, numberOf(value)])) };
  } catch (error) {
    return { failed: `Prometheus does not answer: ${messageOf(error)}` };
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Prometheus writes `NaN`, `+Inf` and `-Inf`. */
function numberOf(value: string): number {
  return /^[+-]?Inf$/.test(value) ? (value.startsWith("-") ? -1 : 1) * Number.POSITIVE_INFINITY : Number(value);
}
