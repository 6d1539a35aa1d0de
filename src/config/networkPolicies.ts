import * as z from "zod";
import { mapping, text } from "./fields.ts";

const expected = "give a list of namespaces, such as [knative-serving, monitoring]";

export const networkPolicies = mapping(
  {
    allowFrom: z
      .array(
        text(
          /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
          "give the name of a namespace, such as monitoring",
          "A namespace of the cluster.",
        ),
        { error: () => expected },
      )
      .meta({
        description:
          "Further namespaces whose pods reach models, services and database: Knative's (it probes and wakes models), Prometheus' and that of the program, where it runs in the cluster. Default: none.",
      })
      .default([]),
  },
  "write {} or {allowFrom: [<namespace>]}",
  "NetworkPolicies: who reaches what, and no way from models to the cloud's metadata service. The cluster's network must enforce them. Default: none are made.",
).optional();
