import { expect, it } from "vitest";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { checkStickyHeaders } from "../../../src/plan/stickyHeaders.ts";

const asking = (by: string | undefined) =>
  parseEnvironment(
    {
      nodeClass: "local",
      zoo: { iris: { truss: "models/iris", phase: "version", from: "1", traffic: 10, ...(by ? { by } : {}) } },
    },
    { gatewayUrl: "https://models" },
  );
const istio = (...versions: string[]) => ({ istioVersions: async () => versions });

it.each([["1.27.9"], ["1.31.0", "1.9.3"], ["0.8.0"]])(
  "a header is refused by name with istiod %s",
  async (...versions) => {
    await expect(checkStickyHeaders(asking("x-user"), istio(...versions))).rejects.toThrow(
      /menagerie:zoo\.iris\.by: "x-user" is not possible: the gateway of Istio .* cannot divide users by a header; upgrade Istio to 1\.28/,
    );
  },
);

it("a newer one draws by it, and a cookie asks nobody", async () => {
  expect(await checkStickyHeaders(asking("x-user"), istio("1.28.0", "1.31.0-distroless", "2.0.1"))).toEqual([]);
  const asked = { istioVersions: () => Promise.reject(new Error("asked")) };
  expect(await checkStickyHeaders(asking("cookie"), asked)).toEqual([]);
  expect(await checkStickyHeaders(asking(undefined), asked)).toEqual([]);
});

it("what nobody tells is said not to be checked", async () => {
  const forbidden = { istioVersions: () => Promise.reject(new Error("pods is forbidden")) };
  expect(await checkStickyHeaders(asking("x-user"), forbidden)).toEqual([
    "not checked whether the gateway can draw by a header, as menagerie:zoo.iris.by says: pods is forbidden",
  ]);
  expect(await checkStickyHeaders(asking("x-user"), istio())).toEqual([
    "not checked whether the gateway can draw by a header, as menagerie:zoo.iris.by says: no pod of istiod in istio-system tells its version",
  ]);
});
