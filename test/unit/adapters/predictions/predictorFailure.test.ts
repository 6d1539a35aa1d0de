import { errors } from "undici";
import { expect, it } from "vitest";
import { failureOf } from "../../../../src/adapters/predictions/predictorFailure.ts";

const refused = Object.assign(new Error("connect ECONNREFUSED ::1:80"), { code: "ECONNREFUSED", syscall: "connect" });

it.each([
  ["a refused connection", refused, "predictor_unavailable"],
  [
    "one that each address of a name refuses",
    Object.assign(new AggregateError([refused, refused]), { code: "ECONNREFUSED" }),
    "predictor_unavailable",
  ],
  ["a name that is not known", Object.assign(new Error(), { syscall: "getaddrinfo" }), "predictor_unavailable"],
  ["a connection that takes too long", new errors.ConnectTimeoutError(), "predictor_unavailable"],
  ["no answer in time", new errors.HeadersTimeoutError(), "predictor_timeout"],
  ["half an answer in time", new errors.BodyTimeoutError(), "predictor_timeout"],
  ["a signal's end", AbortSignal.timeout(0).reason ?? new DOMException("", "TimeoutError"), "predictor_timeout"],
  ["a connection that broke", new errors.SocketError("other side closed"), "predictor_broken"],
])("%s is told as what it is", (_what, error, failure) => {
  expect(failureOf(error)).toBe(failure);
});
