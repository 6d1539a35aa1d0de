/** One of the operations by which a model is asked, in KServe's protocols (https://kserve.github.io/website, "Data Plane"). */
export type PredictionOperation = "predict" | "explain" | "infer";

const predictions = /^\/(?:v1\/models\/[^/:]+:(predict|explain)|v2\/models\/[^/]+(?:\/versions\/[^/]+)?\/(infer))$/;

/**
 * What a path asks of a model: `:predict` and `:explain` of the v1 protocol, `/infer` of the v2 protocol; undefined for everything
 * else. `url` is path and query, as it was sent: servers decode `model%3Apredict`, so this does too.
 */
export function predictionOperation(url: string): PredictionOperation | undefined {
  const query = url.indexOf("?");
  const path = query < 0 ? url : url.slice(0, query);
  const [, v1, v2] = predictions.exec(decoded(path)) ?? [];
  return (v1 ?? v2) as PredictionOperation | undefined;
}

/** Whether a request is a prediction. Everything else passes a recorder unrecorded. `url` is path and query. */
export function isPrediction(method: string, url: string): boolean {
  return method === "POST" && predictionOperation(url) !== undefined;
}

/**
 * Where a recorded request is sent again: at `target`, which predicts, by the operation that the request asked for. Undefined
 * where the target speaks another protocol, or its url does not tell how it explains.
 *
 * @param target - a url such as `http://host/serving/models/iris/v1/models/model:predict`
 */
export function replayUrl(target: string, recordedUrl: string): string | undefined {
  const recorded = predictionOperation(recordedUrl);
  const [, before = "", operation, query = ""] = /^([^?#]*)(:predict|:explain|\/infer)(\?[^#]*)?$/.exec(target) ?? [];
  // A url of its own kind takes what it is given.
  if (operation === undefined) return recorded === "explain" ? undefined : target;
  if (operation === "/infer") return recorded === "infer" ? target : undefined;
  return recorded === "infer" || recorded === undefined ? undefined : `${before}:${recorded}${query}`;
}

/** What is encoded in a way that nobody decodes stays as it is. */
function decoded(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
