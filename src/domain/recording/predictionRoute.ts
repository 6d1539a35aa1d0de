/**
 * Requests that are predictions: `:predict` and `:explain` of KServe's v1 protocol, `/infer` of the v2 protocol
 * (https://kserve.github.io/website, "Data Plane"). Everything else passes a recorder unrecorded.
 */
const predictions = /^\/(?:v1\/models\/[^/:]+:(?:predict|explain)|v2\/models\/[^/]+(?:\/versions\/[^/]+)?\/infer)$/;

/** Whether a request is a prediction. `url` is path and query. */
export function isPrediction(method: string, url: string): boolean {
  if (method !== "POST") return false;
  const query = url.indexOf("?");
  return predictions.test(query < 0 ? url : url.slice(0, query));
}
