import { choice, cpuQuantity, flag, mapping, memoryQuantity, text, wholeNumber } from "./fields.ts";

export const builds = mapping(
  {
    kind: choice(
      ["directory", "tekton"],
      "What builds images: directory (directory images, on this machine, for the local environment), or tekton (a PipelineRun in the cluster for each). Default: directory.",
    ).default("directory"),
    namespace: text(
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
      "use lower-case letters, digits and dashes, such as menagerie-builds",
      "Kubernetes namespace of the build pods. Default: menagerie-builds.",
    ).default("menagerie-builds"),
    repository: text(
      /^[a-z0-9][a-z0-9.-]*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+$/,
      "give registry and path without a tag, such as registry.example.com/models",
      "Images are pushed to <repository>/<model>. Required by kind: tekton outside the local environment. Default: none.",
    ).optional(),
    image: text(
      /^[^\s@]+@sha256:[0-9a-f]{64}$/,
      "give it with its digest, as <url>@sha256:<64 hex digits>",
      "Image of rootless BuildKit (moby/buildkit, a tag that ends in -rootless), by digest. Required by kind: tekton outside the local environment. Default: none.",
    ).optional(),
    credentials: text(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
      "give the name of a Secret of type kubernetes.io/dockerconfigjson",
      "Secret in the builds' namespace to push and pull with. Default: none, for registries that trust the nodes.",
    ).optional(),
    layerCache: flag(
      "Keep the layers of builds in <repository>/<model>:cache, so that only what changed is built. Default: true.",
    ).default(true),
    timeoutMinutes: wholeNumber(1, 1440, "How long one build may take. Unit: minutes. Default: 60.").default(60),
    retries: wholeNumber(0, 5, "How often a build that failed is tried again by itself. Default: 0.").default(0),
    keep: wholeNumber(1, 100, "Finished PipelineRuns of a model that stay. Default: 3.").default(3),
    resources: mapping(
      {
        cpu: cpuQuantity("Requested cores of the build step. Default: 500m.").default("500m"),
        memory: memoryQuantity("Requested memory of the build step, which is also its limit. Default: 2Gi.").default(
          "2Gi",
        ),
      },
      "write {cpu: 500m, memory: 2Gi}",
      "What a build may take.",
    ).prefault({}),
  },
  "write {kind: tekton, repository: <registry>/<path>, image: <BuildKit>@sha256:<digest>}",
  "What builds the images of trusses.",
);
