import { expect, it } from "vitest";
import { TrafficMirror } from "../../../components/trafficMirror.ts";
import { environmentOf } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

it("clients get the gateway's address, which is not an input: an environment's own may move", async () => {
  let predictUrl = "";
  const made = await partsOf(() => {
    ({ predictUrl } = new TrafficMirror("next", {
      environment: environmentOf({ gateway: { name: "istio-ingress/models", url: "http://127.0.0.1:8080" } }),
      primary: { service: "next-primary", mode: "Standard" },
      shadows: ["next-candidate"],
      percent: 10,
    }));
  });
  expect(predictUrl).toBe("http://127.0.0.1:8080/serving/models/next/v1/models/model:predict");
  expect(made("TrafficMirror next").inputs).toMatchObject({ gateway: { name: "istio-ingress/models", hosts: ["*"] } });
  expect(JSON.stringify(made("TrafficMirror next").inputs)).not.toContain("127.0.0.1");
});
