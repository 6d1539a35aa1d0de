import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bubblewrapOptions } from "../../../../src/local/node/bubblewrap.ts";
import { logQuery, parseLogLine, renderEntry, tailText } from "../../../../src/local/node/containerLog.ts";
import { commandLine, egressVariables, expandReferences } from "../../../../src/local/node/environment.ts";
import { fieldValue, resourceFieldValue } from "../../../../src/local/node/fieldValue.ts";
import { hostsFile, resolvConf } from "../../../../src/local/node/podFiles.ts";
import { dividedQuantity, parseQuantity } from "../../../../src/local/node/quantity.ts";

describe("references in env, command and args", () => {
  const variables = new Map([["A", "1"]]);

  it("are replaced when known, kept when not, and escaped by a second dollar", () => {
    expect(expandReferences("$(A) $(B) $$(A) $A $$ $(", variables)).toBe("1 $(B) $(A) $A $ $(");
  });

  it("leave text without a dollar as it is", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const plain = text.replaceAll("$", "");
        expect(expandReferences(plain, variables)).toBe(plain);
      }),
    );
  });

  it("are not expanded in what the image says", () => {
    const image = { entrypoint: ["run", "$(A)"], cmd: ["serve"] };
    expect(commandLine(image, variables)).toEqual(["run", "$(A)", "serve"]);
    expect(commandLine({ ...image, args: ["$(A)"] }, variables)).toEqual(["run", "$(A)", "1"]);
    expect(commandLine({ ...image, command: ["sh"] }, variables)).toEqual(["sh"]);
  });
});

describe("a quantity", () => {
  it("is read with all suffixes", () => {
    const values = ["500m", "2", "1.5Gi", "1e3", "3M", 4, ".5"].map(parseQuantity);
    expect(values).toEqual([0.5, 2, 1_610_612_736, 1000, 3_000_000, 4, 0.5]);
    expect(parseQuantity("4 GB")).toBeUndefined();
  });

  it("is divided and rounded up", () => {
    expect(dividedQuantity(0.25, "1m")).toBe("250");
    expect(dividedQuantity(0.1, "1m")).toBe("100");
    expect(dividedQuantity(0.25, undefined)).toBe("1");
    expect(dividedQuantity(1_610_612_736, "1Mi")).toBe("1536");
  });
});

describe("the downward API", () => {
  const placement = { podIP: "10.88.1.0", hostIP: "10.88.0.2", allocatable: { cpu: "16" } };
  const pod = { metadata: { name: "web", labels: { b: "x", a: 'q"' }, annotations: { "k/v": "y" } } };

  it("answers fields of the pod, maps as sorted lines", () => {
    expect(fieldValue(pod, "metadata.labels", placement)).toBe('a="q\\""\nb="x"');
    expect(fieldValue(pod, "metadata.annotations['k/v']", placement)).toBe("y");
    expect(fieldValue(pod, "status.podIP", placement)).toBe("10.88.1.0");
    expect(fieldValue(pod, "spec.secret", placement)).toBeUndefined();
  });

  it("tells a container without a limit what the node has", () => {
    const container = { name: "main", resources: { limits: { memory: "1Gi" } } };
    expect(resourceFieldValue(container, { resource: "limits.memory", divisor: "1Mi" }, placement)).toBe("1024");
    expect(resourceFieldValue(container, { resource: "limits.cpu" }, placement)).toBe("16");
    expect(resourceFieldValue(container, { resource: "requests.cpu" }, placement)).toBe("0");
  });
});

describe("a container's sandbox", () => {
  const options = bubblewrapOptions({
    root: "/r",
    hostPaths: ["/usr"],
    mounts: [
      { source: "/v/deep", target: "/data/deep", readOnly: true },
      { source: "/v", target: "/data", readOnly: false },
    ],
    workingDir: "/app",
    env: new Map([["A", "b c"]]),
  });

  it("mounts outer paths before inner ones", () => {
    const text = options.join(" ");
    expect(text.indexOf("--bind /v /data")).toBeLessThan(text.indexOf("--ro-bind /v/deep /data/deep"));
    expect(text.startsWith("--bind /r / --ro-bind-try /usr /usr")).toBe(true);
  });

  it("starts from an empty environment and without the capabilities of the namespace's root", () => {
    expect(options.slice(options.indexOf("--clearenv"))).toEqual(["--clearenv", "--setenv", "A", "b c"]);
    expect(options).toContain("--cap-drop");
    expect(options).not.toContain("CAP_SYS_ADMIN");
  });
});

describe("a container's log", () => {
  const log = [
    "2026-01-01T00:00:00.000000001Z stdout P par",
    "2026-01-01T00:00:00.000000002Z stdout F tial",
    "damaged",
    "2026-01-01T00:00:01.000000000Z stderr F ",
    "2026-01-01T00:00:02.000000000Z stderr F bad: x",
    "",
  ].join("\n");

  it("joins partial lines and skips damaged ones", () => {
    expect(tailText(log, 80, 2048)).toBe("partial\n\nbad: x\n");
    expect(tailText(log, 1, 2048)).toBe("bad: x\n");
    expect(tailText(log, 80, 3)).toBe(" x\n");
  });

  it("shows times when asked", () => {
    const entry = parseLogLine("2026-01-01T00:00:02.000000000Z stderr F bad: x");
    expect(entry && renderEntry(entry, true)).toBe("2026-01-01T00:00:02.000000000Z bad: x\n");
  });

  it("is asked for as the API documents", () => {
    const query = logQuery(new URLSearchParams("tailLines=3&sinceSeconds=10&follow=true&previous=true"), 60_000);
    expect(query).toMatchObject({ tailLines: 3, since: 50_000, follow: true, previous: true, timestamps: false });
    expect(logQuery(new URLSearchParams("sinceTime=1970-01-01T00:00:05Z"), 0).since).toBe(5_000);
    expect(logQuery(new URLSearchParams(), 0)).toMatchObject({ tailLines: undefined, since: undefined });
  });
});

describe("a pod's files", () => {
  const pod = { metadata: { name: "web", namespace: "shop" } };

  it("send names to cluster DNS with the namespace first", () => {
    expect(resolvConf(pod)).toBe(
      "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
    );
    const spec = { containers: [], dnsPolicy: "None", dnsConfig: { nameservers: ["10.0.0.1"] } };
    expect(resolvConf({ ...pod, spec })).toBe("nameserver 10.0.0.1\n");
  });

  it("name the pod itself, in full under its subdomain", () => {
    const spec = {
      containers: [],
      hostname: "web-0",
      subdomain: "db",
      hostAliases: [{ ip: "1.2.3.4", hostnames: ["x"] }],
    };
    const hosts = hostsFile({ ...pod, spec }, "10.88.1.0");
    expect(hosts).toContain("10.88.1.0\tweb-0.db.shop.svc.cluster.local web-0\n");
    expect(hosts).toContain("1.2.3.4\tx\n");
  });
});

describe("packages in a running pod", () => {
  it("come through the proxy with the host's own settings, and the cluster is reached directly", () => {
    const variables = egressVariables("http://10.88.0.1:3128", { PIP_INDEX_URL: "https://mirror/", SHELL: "sh" });
    expect(variables).toMatchObject({ HTTPS_PROXY: "http://10.88.0.1:3128", PIP_INDEX_URL: "https://mirror/" });
    expect(variables.NO_PROXY).toContain("10.96.0.0/12");
    expect(variables).not.toHaveProperty("SHELL");
  });
});
