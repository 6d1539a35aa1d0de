import { mapping, text, wholeNumber } from "./fields.ts";
import { uploads } from "./uploads.ts";

export const services = mapping(
  {
    namespace: text(
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
      "use lower-case letters, digits and dashes, such as menagerie",
      "Kubernetes namespace of Menagerie's own services. Default: menagerie.",
    ).default("menagerie"),
    image: text(
      /^[^\s@]+@sha256:[0-9a-f]{64}$/,
      "give it with its digest, as <url>@sha256:<64 hex digits>",
      "Image of the services, by digest. Default: the checkout itself, in the local environment only.",
    ).optional(),
    replicas: wholeNumber(1, 100, "Pods of the API service. Unit: pods. Default: 1.").default(1),
    apiUrl: text(
      /^https?:\/\/[^\s/?#]+$/,
      "give the address clients use, such as https://api.example.com, without a path",
      "Address under which clients reach the API service. Default: MENAGERIE_API_URL, which `menagerie up` sets, else the gateway's.",
    ).optional(),
    rateLimit: mapping(
      {
        perSecond: wholeNumber(1, 1_000_000, "Without effect.").optional(),
        burst: wholeNumber(1, 1_000_000, "Without effect.").optional(),
      },
      "remove it",
      "Without effect: an earlier release limited each key in each pod by it. `menagerie key limits` and `menagerie organization limits` set limits that hold over all pods.",
    ).optional(),
    console: mapping(
      {
        replicas: wholeNumber(1, 10, "Pods of the console. Unit: pods. Default: 1.").default(1),
        host: text(
          /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/,
          "give a host name of its own, such as console.example.com",
          "Host name at which the gateway leads to the console, whose certificate and DNS entry are yours. Default: no route; `kubectl port-forward` reaches it.",
        ).optional(),
      },
      "write {} or {replicas: 2}",
      "Pages that show the environment to people with a key that has a role, as Deployment and Service `console`. Default: none; `menagerie console` serves the same on its user's machine.",
    ).optional(),
    uploads,
  },
  "write {image: <url>@sha256:<digest>}",
  "Menagerie's own services, which run where the stack has a database.",
);
