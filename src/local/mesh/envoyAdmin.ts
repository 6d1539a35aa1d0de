import { request } from "node:http";

/** Asks Envoy's admin interface on its unix socket (https://www.envoyproxy.io/docs/envoy/latest/operations/admin). */
export function askEnvoy(socketPath: string, path: string, method = "GET"): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, method, timeout: 1_000 }, async (response) => {
      let body = "";
      for await (const chunk of response.setEncoding("utf8")) body += chunk;
      resolve({ status: response.statusCode ?? 0, body });
    });
    call.on("timeout", () => call.destroy(new Error("no answer")));
    call.on("error", reject);
    call.end();
  });
}
