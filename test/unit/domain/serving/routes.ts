import { apiBackend, apiRoute } from "../../../../src/domain/serving/apiService.ts";
import { mirroredRoute } from "../../../../src/domain/serving/mirroredRoute.ts";
import { activatorPath, modelRoute, versionDestination } from "../../../../src/domain/serving/modelRoute.ts";
import type { Route, RouteGateway } from "../../../../src/domain/serving/route.ts";

/** A route of every kind that a stack declares, by what is special about it. */
export function everyRoute(gateway: RouteGateway): Readonly<Record<string, Route>> {
  const model = (name: string, kind: "zoo" | "development" | "shadow") =>
    ({ name, namespace: "models", model: name, kind, managedBy: "stack", gateway }) as const;
  const next = { ...model("next", "shadow"), primary: { service: "next-primary", mode: "Standard" } } as const;
  const activator = { backend: apiBackend("menagerie"), pathOf: (inner: string) => activatorPath("7", inner) };
  const paths = ["/generate", "/api/"];
  return {
    "a model": modelRoute({ ...model("iris", "zoo"), service: "iris-v2", mode: "Standard" }),
    "a Knative model": modelRoute({ ...model("iris", "zoo"), mode: "Knative" }),
    "a model with paths of its own": modelRoute({ ...model("painter", "zoo"), mode: "Standard", paths }),
    "a Knative model with paths of its own": modelRoute({ ...model("painter", "zoo"), mode: "Knative", paths }),
    "a model that may sleep": modelRoute({
      ...model("dozer", "zoo"),
      service: "dozer-v2",
      recorded: true,
      mode: "Standard",
      sleeps: { servicesNamespace: "menagerie" },
    }),
    "a development version": modelRoute({ ...model("greeter", "development"), mode: "Standard", activator }),
    "the API service": apiRoute({ namespace: "menagerie", gateway }),
    "one shadow": mirroredRoute({ ...next, shadows: ["next-a"], percent: 100 }),
    "a shadow with paths of its own": mirroredRoute({ ...next, paths, shadows: ["next-a"], percent: 100 }),
    "several shadows of a share": mirroredRoute({ ...next, shadows: ["next-a", "next-b"], percent: 0.5 }),
    "a primary and one of its shadows that may sleep": mirroredRoute({
      ...next,
      shadows: ["next-a", "next-b"],
      percent: 100,
      sleeping: { services: ["next-primary", "next-b"], servicesNamespace: "menagerie" },
    }),
    "a Knative primary": mirroredRoute({
      ...next,
      primary: { service: "next-primary", mode: "Knative" },
      shadows: ["next-a"],
      percent: 10,
    }),
    weights: {
      name: "iris",
      namespace: "models",
      labels: {},
      gateway,
      rules: [
        {
          name: "predict",
          paths: ["/serving/models/iris/v1/"],
          rewrite: { path: "/v1/" },
          destinations: [
            { service: "iris-v1-predictor", namespace: "models", port: 80, weight: 90 },
            {
              ...versionDestination(
                { service: "iris-v2", recorded: false, sleeps: { servicesNamespace: "menagerie" } },
                "models",
              ),
              weight: 10,
            },
          ],
        },
      ],
    },
  };
}
