import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { putImage } from "../../src/adapters/images/imageStore.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { apiBackend } from "../../src/domain/serving/apiService.ts";
import { embeddedGateway } from "../../src/domain/serving/embeddedGateway.ts";
import type { EnvironmentLayout } from "../../src/local/layout.ts";
import { applyManifest, type Manifest, namespace as namespaceManifest } from "../local/support/manifests.ts";
import { ensurePrometheus } from "../support/testTools.ts";

const [namespace, name, port] = ["monitoring", "prometheus", 9090];
/** Between two scrapes. */
const scrapeEvery = "2s";

/** Its address, as pods and the stack's config have it. */
export const prometheusUrl = `http://${name}.${namespace}.svc:${port}`;

/** An element of an instant query's answer. */
interface Element {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [at: number, value: string];
}

/** What a Prometheus does besides. */
export interface PrometheusExtras {
  /** Addresses `host:port` of pods that it scrapes too. */
  readonly pods: readonly string[];
  /** File of its alerting rules, below the checkout. */
  readonly rules: string;
}

/**
 * Runs a real Prometheus in an environment, which scrapes gateway and API service as one that finds pods would, and waits until it has
 * scraped the gateway.
 */
export async function deployPrometheus(
  config: KubeConfig,
  layout: EnvironmentLayout,
  extras?: PrometheusExtras,
): Promise<void> {
  const executable = await ensurePrometheus();
  const [host = "", path = ""] = embeddedGateway.statistics.replace("http://", "").split(/(?<=:\d+)(?=\/)/);
  const { namespace: services, service: api } = apiBackend("menagerie");
  const scraped = (
    job: string,
    target: string,
    page: string,
    labels: { readonly namespace: string; readonly pod: string },
  ) => ({
    job_name: job,
    scrape_interval: scrapeEvery,
    metrics_path: page,
    static_configs: [{ targets: [target], labels }],
  });
  const configuration = {
    ...(extras ? { global: { evaluation_interval: scrapeEvery }, rule_files: ["/rules.yml"] } : {}),
    scrape_configs: [
      ...(extras?.pods ?? []).map((target) =>
        scraped(target, target, "/metrics", { namespace: services, pod: target }),
      ),
      scraped("gateway", host, path, { namespace: embeddedGateway.namespace, pod: embeddedGateway.service }),
      scraped("api", `${api}.${services}.svc:80`, "/metrics", { namespace: services, pod: api }),
    ],
  };
  const image = await putImage(layout.images, {
    url: "test.local/prometheus",
    layers: [],
    config: { entrypoint: ["/prometheus"], cmd: [], env: {}, workingDir: "/" },
    populate: async (root) => {
      await copyFile(executable, join(root, "prometheus"));
      // JSON is YAML.
      await writeFile(join(root, "prometheus.yml"), JSON.stringify(configuration));
      if (extras) await copyFile(extras.rules, join(root, "rules.yml"));
    },
  });
  for (const manifest of manifests(`${image.url}@${image.digest}`)) await applyManifest(config, manifest);
  for (;;) {
    const up = await ask(config, 'up{job="gateway"} == 1').catch(() => []);
    if (up.length === 1) return;
    await delay(500);
  }
}

/** What it answers to an instant query, by way of the API server. */
export async function ask(config: KubeConfig, query: string): Promise<readonly Element[]> {
  const path = `/api/v1/namespaces/${namespace}/services/${name}:${port}/proxy/api/v1/query`;
  const { data } = await requestJson<{ data: { result: readonly Element[] } }>(config, "GET", path, {
    query: { query },
  });
  return data.result;
}

function manifests(image: string): Manifest[] {
  const labels = { app: name };
  const args = ["--config.file=/prometheus.yml", "--storage.tsdb.path=/data", `--web.listen-address=:${port}`];
  const container = {
    name,
    image,
    args,
    ports: [{ containerPort: port }],
    readinessProbe: { httpGet: { path: "/-/ready", port }, periodSeconds: 1 },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  };
  return [
    namespaceManifest(namespace),
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [container], volumes: [{ name: "data", emptyDir: {} }] },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: labels, ports: [{ port, targetPort: port }] },
    },
  ];
}
