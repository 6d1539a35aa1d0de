import { connect } from "node:net";
import type { V1Container, V1HTTPGetAction, V1Probe } from "@kubernetes/client-node";
import { Agent, fetch } from "undici";
import { afterAnswer, countsAsFailure, nextProbeIn, probeTiming, untested } from "./probe.ts";
import type { CommandResult } from "./processes.ts";

/** One answer of a probe. */
export interface ProbeAnswer {
  readonly success: boolean;
  readonly message: string;
}

/** How probes reach one running container. */
export interface ProbeTarget {
  readonly container: V1Container;
  readonly podIP: string;
  exec(command: readonly string[], timeout: number): Promise<CommandResult>;
}

/** What the verdicts of a container's probes mean for its pod. */
export interface ProbeListener {
  started(): void;
  ready(ready: boolean, message: string): void;
  /** A startup or liveness probe failed for good: the container is to be killed. */
  unhealthy(message: string): void;
}

const insecure = new Agent({ connect: { rejectUnauthorized: false }, pipelining: 0 });

/** Asks once. Source of the success rule (200 to 399, certificates not verified): the API's documentation of httpGet. */
export async function probeOnce(probe: V1Probe, target: ProbeTarget): Promise<ProbeAnswer> {
  const timeout = probeTiming(probe).timeout * 1000;
  try {
    if (probe.exec) {
      const { code, output } = await target.exec(probe.exec.command ?? [], timeout);
      return { success: code === 0, message: code === undefined ? "timed out" : output.trim() };
    }
    if (probe.httpGet) return await httpGet(probe.httpGet, target, timeout);
    if (probe.tcpSocket) {
      return await tcpConnect(probe.tcpSocket.host ?? target.podIP, portOf(probe.tcpSocket.port, target), timeout);
    }
    if (probe.grpc) return { success: false, message: "the local environment has no gRPC probes" };
    return { success: false, message: "the probe names nothing to ask" };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause instanceof Error ? error.cause : error) : undefined;
    return { success: false, message: cause?.message ?? String(error) };
  }
}

/** One GET, as probes and lifecycle hooks do it. `timeout` in milliseconds. */
export async function httpGet(action: V1HTTPGetAction, target: ProbeTarget, timeout: number): Promise<ProbeAnswer> {
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const path = action.path ?? "/";
  const host = action.host ?? target.podIP;
  const url = `${scheme}://${host}:${portOf(action.port, target)}${path.startsWith("/") ? "" : "/"}${path}`;
  const headers: Record<string, string> = { "user-agent": "kube-probe/1.36", accept: "*/*" };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const response = await fetch(url, {
    headers,
    redirect: "manual",
    signal: AbortSignal.timeout(timeout),
    dispatcher: insecure,
  });
  const body = await response.text();
  const success = response.status >= 200 && response.status < 400;
  return {
    success,
    message: success ? "" : `HTTP probe failed with statuscode: ${response.status} ${body.slice(0, 200)}`,
  };
}

function portOf(port: string | number | object, { container }: ProbeTarget): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === String(port));
  const number = named?.containerPort ?? Number(port);
  if (!Number.isInteger(number)) throw new Error(`container "${container.name}" has no port named "${port}"`);
  return number;
}

function tcpConnect(host: string, port: number, timeout: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout });
    const end = (success: boolean, message: string): void => {
      socket.destroy();
      resolve({ success, message });
    };
    socket.once("connect", () => end(true, ""));
    socket.once("timeout", () => end(false, "timed out"));
    socket.once("error", (error) => end(false, error.message));
  });
}

/**
 * Probes one run of a container until `signal` aborts: first the startup probe alone, then liveness and readiness.
 * A container without a startup probe has started, one without a readiness probe is ready once it has started.
 */
export async function runProbes(
  target: ProbeTarget,
  alreadyStarted: boolean,
  startedAt: number,
  listener: ProbeListener,
  signal: AbortSignal,
): Promise<void> {
  const { startupProbe, livenessProbe, readinessProbe } = target.container;
  if (startupProbe && !alreadyStarted) {
    const passed = await new Promise<boolean>((resolve) => {
      signal.addEventListener("abort", () => resolve(false), { once: true });
      void follow(startupProbe, target, startedAt, true, signal, (verdict, message) => {
        if (!verdict) listener.unhealthy(`startup probe failed: ${message}`);
        resolve(verdict);
        return false;
      });
    });
    if (!passed) return;
  }
  if (signal.aborted) return;
  listener.started();
  if (!readinessProbe) listener.ready(true, "");
  await Promise.all([
    readinessProbe &&
      follow(readinessProbe, target, startedAt, true, signal, (verdict, message) => {
        listener.ready(verdict, message);
        return true;
      }),
    livenessProbe &&
      follow(livenessProbe, target, startedAt, false, signal, (verdict, message) => {
        if (!verdict) listener.unhealthy(`liveness probe failed: ${message}`);
        return verdict;
      }),
  ]);
}

/** Asks at the probe's pace; calls `onVerdict` when the verdict changes, until that answers false. */
async function follow(
  probe: V1Probe,
  target: ProbeTarget,
  startedAt: number,
  eager: boolean,
  signal: AbortSignal,
  onVerdict: (passed: boolean, message: string) => boolean,
): Promise<void> {
  const timing = probeTiming(probe);
  let state = untested;
  let counted = Number.NEGATIVE_INFINITY;
  await pause(startedAt + timing.initialDelay * 1000 - Date.now(), signal);
  while (!signal.aborted) {
    const answer = await probeOnce(probe, target);
    if (signal.aborted) return;
    const now = Date.now();
    if (answer.success || countsAsFailure((now - counted) / 1000, timing)) {
      if (!answer.success) counted = now;
      const next = afterAnswer(state, answer.success, timing);
      if (next.passed !== undefined && next.passed !== state.passed && !onVerdict(next.passed, answer.message)) return;
      state = next;
    }
    await pause(nextProbeIn(state, timing, eager, (now - startedAt) / 1000) * 1000, signal);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    }
    signal.addEventListener("abort", finish, { once: true });
  });
}
