import { expect, it } from "vitest";
import { startupProgress } from "../../../src/local/startupProgress.ts";

const part = (name: string, state: "ready" | "starting") => ({ name, state, pid: 1, restarts: 0, lastExit: null });
const status = {
  parts: [part("etcd", "ready"), part("kube-apiserver", "starting"), part("gateway", "starting")],
  pendingSteps: [
    { name: "crds", lastError: null },
    { name: "kserve", lastError: null },
  ],
};

it("as many parts are named as are counted, and steps apart from them", () => {
  expect(startupProgress(status, true)).toBe(
    "1 of 3 parts ready; waiting for kube-apiserver, gateway; steps left: crds, kserve",
  );
  expect(
    startupProgress({ parts: status.parts.slice(0, 1), pendingSteps: status.pendingSteps.slice(0, 1) }, true),
  ).toBe("1 of 1 parts ready; steps left: crds");
});

it("what waits for tools is not named", () => {
  expect(startupProgress(status, false)).toBe("1 of 3 parts ready; the others wait for tools that are being made");
});
