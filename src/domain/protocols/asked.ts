import { leadsOut } from "./leadsOut.ts";
import type { Operation, OperationName } from "./operation.ts";
import { operations, ownOperation } from "./operations.ts";
import { isOwnPath } from "./ownPaths.ts";

/**
 * What a path asks of a model; undefined where that is not a prediction, such as a question whether the model is ready.
 *
 * @param url - path and query, as it was sent: servers decode `model%3Apredict`, so this does too
 * @param ownPaths - paths of the model's own that are predictions too, such as `/generate`; with a slash at its end everything below.
 * @default none
 */
export function operationAsked(url: string, ownPaths: readonly string[] = []): Operation | undefined {
  const path = pathOf(url);
  return operations.find((each) => each.path.test(path)) ?? (isOwnPath(path, ownPaths) ? ownOperation : undefined);
}

/** The operation that a request asks for; undefined where it is not a prediction, and passes a recorder unrecorded. Arguments as in {@link operationAsked}. */
export function predictionAsked(method: string, url: string, ownPaths?: readonly string[]): Operation | undefined {
  return method === "POST" ? operationAsked(url, ownPaths) : undefined;
}

/**
 * Where a recorded request is sent again: at the model that `target` predicts at, by the path that the request had. Undefined where the
 * target's url does not tell where its model's paths begin, and the request asks for something else than to predict.
 *
 * @param target - a url such as `http://host/serving/models/iris/v1/models/model:predict`
 * @param operation - what was recorded that the request is: a model's own paths are known by that alone. @default by its path
 */
export function replayUrl(
  target: string,
  recordedUrl: string,
  operation: OperationName | null = null,
): string | undefined {
  const recorded = operationAsked(recordedUrl) ?? (operation === "own" ? ownOperation : undefined);
  const [, origin = "", path = "", query = ""] = /^([a-z]+:\/\/[^/?#]+)([^?#]*)(\?[^#]*)?/i.exec(target) ?? [];
  const own = ownPart(path);
  // A url of its own kind takes what it is given.
  if (own === undefined) return recorded?.name === "explain" ? undefined : target;
  // As it was sent: what is encoded in a path that nobody else knows may be a question mark.
  const wanted =
    recorded === ownOperation ? ownPath(recordedUrl) : recorded && atSameModel(pathOf(recordedUrl), own.path);
  return wanted === undefined ? undefined : `${origin}${own.before}${wanted}${query}`;
}

function ownPath(recordedUrl: string): string | undefined {
  const [path = ""] = recordedUrl.split(/[?#]/);
  return leadsOut(path) ? undefined : path;
}

/** The path of an operation at a path's end, and what is before it, such as `/serving/models/iris`. */
function ownPart(path: string): { readonly before: string; readonly path: string } | undefined {
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
    const rest = path.slice(at);
    if (operationAsked(rest)) return { before: path.slice(0, at), path: pathOf(rest) };
  }
  return undefined;
}

/** KServe's paths name the model, which at the target may have another name; a v2 model is not asked as a v1 model, or the other way round. */
function atSameModel(recorded: string, target: string): string | undefined {
  const v1 = /^(\/v1\/models\/)[^/:]+(:\w+)$/;
  const [ofRecorded, ofTarget] = [v1.exec(recorded), v1.exec(target)];
  const isV2 = (path: string): boolean => path.startsWith("/v2/");
  if (ofRecorded && ofTarget) return target.replace(/:\w+$/, ofRecorded[2] ?? "");
  if (isV2(recorded) && isV2(target)) return target;
  return (ofRecorded && isV2(target)) || (isV2(recorded) && ofTarget) ? undefined : recorded;
}

/** Without the query, decoded; what is encoded in a way that nobody decodes stays as it is. */
function pathOf(url: string): string {
  const query = url.indexOf("?");
  const path = query < 0 ? url : url.slice(0, query);
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
